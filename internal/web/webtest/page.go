package webtest

import (
	"iter"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Page is a page as browsers read it.
type Page struct {
	*html.Node
	Source string
}

// All yields the elements for which a condition holds, in the order of the page.
func (p *Page) All(is func(*html.Node) bool) iter.Seq[*html.Node] {
	return func(yield func(*html.Node) bool) {
		for n := range p.Descendants() {
			if n.Type == html.ElementNode && is(n) && !yield(n) {
				return
			}
		}
	}
}

// ByID is the element with an id, nil if there is none.
func (p *Page) ByID(id string) *html.Node {
	for n := range p.All(func(n *html.Node) bool { return Attr(n, "id") == id }) {
		return n
	}
	return nil
}

// Class is the elements of a class.
func (p *Page) Class(name string) []*html.Node {
	return slices.Collect(p.All(func(n *html.Node) bool { return slices.Contains(strings.Fields(Attr(n, "class")), name) }))
}

// Tag is the elements of a name, such as form.
func (p *Page) Tag(name string) []*html.Node {
	return slices.Collect(p.All(func(n *html.Node) bool { return n.Data == name }))
}

// Links is where the links of the page lead.
func (p *Page) Links() []string {
	var to []string
	for _, a := range p.Tag("a") {
		to = append(to, Attr(a, "href"))
	}
	return to
}

// Actions is where the forms of the page are sent.
func (p *Page) Actions() []string {
	var to []string
	for _, f := range p.Tag("form") {
		to = append(to, Attr(f, "action"))
	}
	return to
}

// Main is the text of the page without what is around it.
func (p *Page) Main() string {
	n := p.ByID("main")
	if n == nil {
		return ""
	}
	return Text(n)
}

// Attr is an attribute of an element, empty if it has none.
func Attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// Text is what an element shows, with single spaces.
func Text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
