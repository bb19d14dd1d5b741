package timeline

// Kinds lists every registered kind.
func Kinds() []string {
	var out []string
	for k := range kinds {
		out = append(out, k)
	}
	return out
}
