package config

import (
	"net/mail"
)

// mailbox reads an address of mail, with or without a name before it: "Example <status@example.com>".
func (d *document) mailbox(into *string) reader {
	return d.checked(into, func(s string) string {
		if c := proseComplaint(s, maxLine); c != "" {
			return c
		}
		if _, err := mail.ParseAddress(s); err != nil {
			return "is not an address of mail"
		}
		return ""
	}, `such as "status@example.com", or "Example <status@example.com>"`)
}
