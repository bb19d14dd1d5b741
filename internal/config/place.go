package config

import (
	"fmt"
	"strconv"

	yaml "go.yaml.in/yaml/v4"
)

// Place says where in a file an entry stands, as "lull.yaml:12:13", for what is found
// wrong with it later than at reading. Of an entry that is not there it is the nearest
// one above; of a file that cannot be read any more, its name.
func Place(file string, path ...string) string {
	data, err := readFile(file)
	if err != nil {
		return file
	}
	_, n, err := begin(file, data)
	if err != nil {
		return file
	}
	for _, key := range path {
		below := child(deref(n), key)
		if below == nil {
			break
		}
		n = below
	}
	return fmt.Sprintf("%s:%d:%d", file, n.Line, n.Column)
}

// child is the value of a key, or the item of a number.
func child(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if deref(n.Content[i]).Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
