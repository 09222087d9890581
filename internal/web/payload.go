package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of what a page shows of a payload.
const (
	// payloadShown is the largest payload in bytes that is read to be shown. Larger
	// ones can be downloaded.
	payloadShown = 2 << 20
	// payloadValues is how many values are shown at once. The rest is behind links.
	payloadValues = 2000
	// payloadItems is how many members of one object or array are.
	payloadItems = 200
	// payloadText is how many bytes of one text are, and payloadWhole of one that is
	// shown by itself.
	payloadText, payloadWhole = 2000, 64 << 10
	// payloadDepth is how deep a payload may be nested.
	payloadDepth = 200
	// payloadName is how many bytes of a name are shown, and payloadPointer how long the
	// pointer to a part may be that is shown by itself. Every value has a pointer, so
	// that one long name would be there thousands of times.
	payloadName, payloadPointer = 200, 4 << 10
)

// nowhere stands for a pointer that is too long. No pointer begins so.
const nowhere = "-"

// value is a part of a payload as pages show it.
type value struct {
	// Name is the member's, or the place in an array.
	Name string
	// At is where it is, as a JSON pointer.
	At string
	// Text is what a value without members is. It is of Kind text, number, word for
	// true, false and null, object or array.
	Kind, Text string
	// Cut says that the text goes on, or that there is more in it than is shown.
	Cut bool
	// Size is how many members there are, and Members those that are shown. From is
	// the place of the next one that is not, 0 if there is none.
	Size    int
	Members []value
	From    int
	Open    bool
}

// Lost reports that it is not shown by itself.
func (v value) Lost() bool { return strings.HasPrefix(v.At, nowhere) }

// Nested reports whether there may be members.
func (v value) Nested() bool { return v.Kind == "object" || v.Kind == "array" }

var errNoSuchPart = errors.New("the payload has no such part")

// fold reads the part of a payload that a pointer leads to, from one of its members on.
// The order of members is the payload's.
func fold(payload []byte, at string, from int) (value, error) {
	if strings.HasPrefix(at, nowhere) {
		return value{}, errNoSuchPart
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	f := folder{decoder: d, to: at, room: payloadValues, from: from}
	root, err := f.value("", "", 0, false)
	if err != nil {
		return value{}, err
	}
	if f.found == nil {
		return value{}, errNoSuchPart
	}
	if f.found.At == "" {
		f.found = &root
	}
	f.found.Open = true
	return *f.found, nil
}

type folder struct {
	decoder *json.Decoder
	// to is the pointer to what is shown.
	to    string
	found *value
	from  int
	// room is how many more values are shown.
	room int
}

// value reads the next value. What is not shown is read as well, and not kept; shown says
// that the one around it is.
func (f *folder) value(name, at string, depth int, shown bool) (value, error) {
	if depth > payloadDepth {
		return value{}, fmt.Errorf("it is nested more than %d deep", payloadDepth)
	}
	token, err := f.decoder.Token()
	if err != nil {
		return value{}, err
	}
	v := value{Name: name, At: at}
	delim, nested := token.(json.Delim)
	if !nested {
		v.Kind, v.Text = "word", fmt.Sprint(token)
		limit := payloadText
		if at == f.to {
			limit = payloadWhole
		}
		switch t := token.(type) {
		case string:
			v.Kind = "text"
			if len(t) > limit {
				t, v.Cut = strings.ToValidUTF8(t[:limit], ""), true
			}
			v.Text = t
		case json.Number:
			v.Kind = "number"
			if len(v.Text) > limit {
				v.Text, v.Cut = v.Text[:limit], true
			}
		case nil:
			v.Text = "null"
		}
		if at == f.to {
			f.found = &v
		}
		return v, nil
	}
	v.Kind = "object"
	if delim == '[' {
		v.Kind = "array"
	}
	own := at == f.to
	shown = shown || own
	first := 0
	if own {
		first = f.from
	}
	for i := 0; f.decoder.More(); i++ {
		member := strconv.Itoa(i)
		if v.Kind == "object" {
			key, err := f.decoder.Token()
			if err != nil {
				return value{}, err
			}
			member, _ = key.(string)
		}
		v.Size++
		show := shown && i >= first && len(v.Members) < payloadItems && f.room > 0
		if show {
			f.room--
		}
		m, err := f.value(begun(member), below(at, member), depth+1, show)
		if err != nil {
			return value{}, err
		}
		switch {
		case show:
			v.Members = append(v.Members, m)
		case shown && i >= first && v.From == 0:
			v.From, v.Cut = i, true
		}
	}
	if _, err := f.decoder.Token(); err != nil {
		return value{}, err
	}
	v.Open = depth < 1 || v.Size <= 3 && depth < 3
	if own {
		f.found = &v
	}
	return v, nil
}

// below is the pointer to a member of what another one leads to.
func below(at, member string) string {
	if strings.HasPrefix(at, nowhere) || len(at)+len(member) > payloadPointer {
		return nowhere
	}
	return at + "/" + pointed(member)
}

// begun is a name as it is shown.
func begun(name string) string {
	if len(name) <= payloadName {
		return name
	}
	return strings.ToValidUTF8(name[:payloadName], "") + "…"
}

// pointed is a name as a part of a JSON pointer.
func pointed(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
