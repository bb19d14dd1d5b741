package public

// scriptWords are what page.js needs to say things in the language of its page. The patterns are
// those by which the page was written, so that both write the same for the same instant.
type scriptWords struct {
	Lang     string   `json:"lang"`
	Months   []string `json:"months"`
	Mons     []string `json:"mons"`
	Weekdays []string `json:"weekdays"`
	Full     string   `json:"full"`
	Brief    string   `json:"brief"`
	Year     string   `json:"year"`
	At       string   `json:"at"`
	Yours    string   `json:"yours"`
	Times    string   `json:"times"`
	Still    string   `json:"still"`
	Lost     string   `json:"lost"`
	Percent  string   `json:"percent"`
	Starts   string   `json:"starts"`
}

// Script is data that the page carries for its script: the content security policy lets no other through.
func (s speaker) Script() scriptWords {
	w := s.words
	return scriptWords{
		Lang: w.Lang, Months: w.List("months"), Mons: w.List("mons"), Weekdays: w.List("weekdays"),
		Full: w.Raw("date.full"), Brief: w.Raw("date.brief"), Year: w.Raw("date.year"), At: w.Raw("date.at"),
		Yours: w.Raw("script.yours"), Times: w.Raw("script.times"), Still: w.Raw("script.still"), Lost: w.Raw("script.lost"),
		Percent: w.Raw("percent"), Starts: w.Raw("script.starts"),
	}
}
