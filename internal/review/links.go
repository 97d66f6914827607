package review

import (
	"regexp"
	"strings"
	"unicode"
)

// linkPattern matches addresses of web pages: with a scheme, with www., or the name of
// a host under one of the common top-level domains that are no words of their own.
var linkPattern = regexp.MustCompile(`(?i)(?:[a-z][a-z0-9+.-]{1,19}://|www\.).+|` +
	`(?:[\pL\pN][\pL\pN-]*\.)+(?:app|biz|br|cn|com|de|dev|es|eu|fr|gg|info|io|jp|kr|ly|` +
	`net|nl|org|pl|ru|tv|uk|xyz)\b(?::\d+)?(?:[/?#].*)?`)

// findLinks returns where links are. Addresses of mail are none. Only what may hold a
// link is compared with the pattern, which takes its time.
func findLinks(content string) (parts []span) {
	for start := 0; start < len(content); {
		field := content[start:]
		if end := strings.IndexFunc(field, separatesLinks); end >= 0 {
			field = field[:end]
		}
		if strings.Contains(strings.TrimRight(field, "."), ".") || strings.Contains(field, "://") {
			for _, at := range linkPattern.FindAllStringIndex(field, -1) {
				if at[0] == 0 || field[at[0]-1] != '@' {
					parts = append(parts, span{start + at[0], start + at[1]})
				}
			}
		}
		start += len(field) + 1
	}
	return parts
}

// separatesLinks reports whether a character ends a link. It has one byte.
func separatesLinks(c rune) bool {
	return c == '<' || c == '>' || c == '"' || c < unicode.MaxASCII && unicode.IsSpace(c)
}
