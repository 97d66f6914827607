package policy_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/policy"
)

// naiveEffect is policy.Evaluate written a second time, from the documentation, to
// be slow and obvious: it works on the JSON as it stands and tries all ways.
func naiveEffect(documents []string, r policy.Request) policy.Effect {
	allowed, denied := false, false
	for _, text := range documents {
		var document map[string]any
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			panic(err)
		}
		n := naive{request: r, variables: document["Version"] == "2012-10-17"}
		for _, s := range asList(document["Statement"]) {
			s := s.(map[string]any)
			if n.applies(s) {
				allowed = allowed || s["Effect"] == "Allow"
				denied = denied || s["Effect"] == "Deny"
			}
		}
	}
	switch {
	case denied:
		return policy.ExplicitDeny
	case allowed:
		return policy.Allow
	}
	return policy.ImplicitDeny
}

type naive struct {
	request   policy.Request
	variables bool
}

func asList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func (n naive) applies(s map[string]any) bool {
	if list, ok := s["Action"]; ok && !n.hasAction(list) {
		return false
	}
	if list, ok := s["NotAction"]; ok && n.hasAction(list) {
		return false
	}
	if list, ok := s["Resource"]; ok && !n.hasResource(list) {
		return false
	}
	if list, ok := s["NotResource"]; ok && n.hasResource(list) {
		return false
	}
	conditions, _ := s["Condition"].(map[string]any)
	for operator, keys := range conditions {
		for key, wanted := range keys.(map[string]any) {
			if !n.condition(operator, key, asList(wanted)) {
				return false
			}
		}
	}
	return true
}

func (n naive) hasAction(list any) bool {
	for _, pattern := range asList(list) {
		expression := globExpression(signs(pattern.(string)))
		if regexp.MustCompile("(?i)" + expression).MatchString(n.request.Action) {
			return true
		}
	}
	return false
}

func (n naive) hasResource(list any) bool {
	for _, pattern := range asList(list) {
		expanded, ok := n.expand(pattern.(string))
		if ok && segmentsFit(segments(expanded, math.MaxInt), strings.Split(n.request.Resource, ":")) {
			return true
		}
	}
	return false
}

// sign is a character of a pattern, or a wildcard.
type sign struct {
	r    rune
	wild bool
}

func signs(pattern string) []sign {
	var all []sign
	for _, r := range pattern {
		all = append(all, sign{r, r == '*' || r == '?'})
	}
	return all
}

func literal(text string) []sign {
	var all []sign
	for _, r := range text {
		all = append(all, sign{r, false})
	}
	return all
}

func globExpression(pattern []sign) string {
	expression := "(?s)^"
	for _, s := range pattern {
		switch {
		case s.wild && s.r == '*':
			expression += ".*"
		case s.wild:
			expression += "."
		default:
			expression += regexp.QuoteMeta(string(s.r))
		}
	}
	return expression + "$"
}

func globFits(pattern []sign, text string) bool {
	return regexp.MustCompile(globExpression(pattern)).MatchString(text)
}

// segments splits a pattern at its colons, into at most n parts.
func segments(pattern []sign, n int) [][]sign {
	all := [][]sign{nil}
	for _, s := range pattern {
		if s.r == ':' && len(all) < n {
			all = append(all, nil)
			continue
		}
		all[len(all)-1] = append(all[len(all)-1], s)
	}
	return all
}

func segmentsFit(patterns [][]sign, texts []string) bool {
	if len(patterns) == 0 || len(texts) == 0 {
		return len(patterns) == len(texts)
	}
	first := patterns[0]
	if !globFits(first, texts[0]) {
		return false
	}
	longest := 1
	if len(first) > 0 && first[len(first)-1] == (sign{'*', true}) {
		longest = len(texts)
	}
	for taken := 1; taken <= longest; taken++ {
		if segmentsFit(patterns[1:], texts[taken:]) {
			return true
		}
	}
	return false
}

var variableExpression = regexp.MustCompile(`\$\{([^},]*)(, '([^']*)')?\}`)

// expand fills in the variables of a pattern.
func (n naive) expand(pattern string) ([]sign, bool) {
	if !n.variables {
		return signs(pattern), true
	}
	var all []sign
	for {
		at := variableExpression.FindStringSubmatchIndex(pattern)
		if at == nil {
			return append(all, signs(pattern)...), true
		}
		all = append(all, signs(pattern[:at[0]])...)
		name := pattern[at[2]:at[3]]
		values := n.values(name)
		switch {
		case name == "*" || name == "?" || name == "$":
			all = append(all, literal(name)...)
		case len(values) == 1 && values[0] != "":
			all = append(all, literal(values[0])...)
		case at[4] >= 0:
			all = append(all, literal(pattern[at[6]:at[7]])...)
		default:
			return nil, false
		}
		pattern = pattern[at[1]:]
	}
}

// values returns what the request has for a condition key.
func (n naive) values(name string) []string {
	r := n.request
	context := map[string][]string{"aws:securetransport": {fmt.Sprint(r.Secure)}}
	put := func(name, value string) {
		if value != "" {
			context[name] = []string{value}
		}
	}
	put("aws:username", r.UserName)
	put("aws:principalarn", r.UserARN)
	put("aws:principalaccount", r.Account)
	put("aws:requestedregion", r.Region)
	if r.SourceIP.IsValid() {
		put("aws:sourceip", r.SourceIP.String())
	}
	if !r.Time.IsZero() {
		put("aws:currenttime", r.Time.UTC().Format("2006-01-02T15:04:05Z"))
		put("aws:epochtime", fmt.Sprint(r.Time.Unix()))
	}
	if len(r.TagKeys) > 0 {
		context["aws:tagkeys"] = r.TagKeys
	}
	for family, tags := range map[string]map[string]string{
		"aws:requesttag/": r.RequestTags, "aws:resourcetag/": r.ResourceTags,
	} {
		if len(name) > len(family) && strings.EqualFold(name[:len(family)], family) {
			return naiveTag(tags, name[len(family):])
		}
	}
	return context[strings.ToLower(name)]
}

func naiveTag(tags map[string]string, key string) []string {
	var fitting []string
	for tag := range tags {
		if strings.EqualFold(tag, key) {
			fitting = append(fitting, tag)
		}
	}
	slices.Sort(fitting)
	if slices.Contains(fitting, key) {
		fitting = []string{key}
	}
	if len(fitting) == 0 {
		return nil
	}
	return []string{tags[fitting[0]]}
}

func (n naive) condition(operator, key string, wanted []any) bool {
	values := n.values(key)
	var filled []string
	for _, value := range values {
		if value != "" {
			filled = append(filled, value)
		}
	}
	if operator == "Null" {
		return slices.ContainsFunc(wanted, func(want any) bool {
			return fmt.Sprint(want) == fmt.Sprint(len(filled) == 0)
		})
	}
	set, base, found := strings.Cut(operator, ":")
	if !found {
		set, base = "", operator
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	negated := strings.Contains(base, "Not")
	base = strings.Replace(base, "Not", "", 1)
	one := func(value string) bool {
		fits := slices.ContainsFunc(wanted, func(want any) bool { return n.fits(base, want, value) })
		return fits != negated
	}
	switch {
	case len(values) == 0 && ifExists:
		return true
	case set == "ForAllValues":
		return !slices.ContainsFunc(filled, func(value string) bool { return !one(value) })
	case set == "ForAnyValue":
		return slices.ContainsFunc(filled, one)
	case len(values) == 0:
		return negated
	}
	return one(values[0])
}

// fits compares one wanted value with one of the request, by an operator that is
// not negated.
func (n naive) fits(operator string, wanted any, got string) bool {
	want := fmt.Sprint(wanted)
	switch {
	case strings.HasPrefix(operator, "String") || strings.HasPrefix(operator, "Arn"):
		expanded, ok := n.expand(want)
		return ok && textFits(operator, expanded, got)
	case operator == "Bool":
		return want == got
	case operator == "IpAddress":
		return inNetwork(want, got)
	}
	parse := naiveNumber
	if strings.HasPrefix(operator, "Date") {
		parse = naiveDate
	}
	limit, value := parse(want), parse(got)
	comparison := strings.TrimPrefix(strings.TrimPrefix(operator, "Date"), "Numeric")
	switch comparison { // what is no number makes every comparison false
	case "Equals":
		return value == limit
	case "LessThan":
		return value < limit
	case "LessThanEquals":
		return value <= limit
	case "GreaterThan":
		return value > limit
	case "GreaterThanEquals":
		return value >= limit
	}
	panic("no operator " + operator)
}

func textFits(operator string, want []sign, got string) bool {
	text := ""
	for _, s := range want {
		text += string(s.r)
	}
	switch operator {
	case "StringEquals":
		return got == text
	case "StringEqualsIgnoreCase":
		return strings.EqualFold(got, text)
	case "StringLike":
		return globFits(want, got)
	}
	patterns, texts := segments(want, 6), strings.SplitN(got, ":", 6)
	if len(patterns) != 6 || len(texts) != 6 {
		return false
	}
	for i := range 6 {
		if !globFits(patterns[i], texts[i]) {
			return false
		}
	}
	return true
}

func naiveNumber(text string) float64 {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return number
}

func naiveDate(text string) float64 {
	for _, layout := range []string{"2006-01-02", "2006-01-02T15:04:05Z"} {
		if date, err := time.Parse(layout, text); err == nil {
			return float64(date.Unix())
		}
	}
	if strings.Trim(text, "0123456789") != "" {
		return math.NaN()
	}
	return naiveNumber(text)
}

func inNetwork(want, got string) bool {
	if !strings.Contains(want, "/") {
		return want == got
	}
	_, network, err := net.ParseCIDR(want)
	if err != nil {
		panic(err)
	}
	address := net.ParseIP(got)
	return address != nil && network.Contains(address)
}
