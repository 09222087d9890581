package delivery

import (
	"errors"
	"mime"

	"github.com/franela/pocketci/events"
)

// Header returns the one value of a header, or nothing. It is an error if there
// are several or if it cannot be printed.
func Header(header map[string][]string, name string) (string, error) {
	values := events.HeaderValues(header, name)
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		if err := events.CheckText(values[0]); err != nil {
			return "", Malformed("header "+name, err)
		}
		return values[0], nil
	}
	return "", Malformed("header "+name, errors.New("is given more than once"))
}

// Required is [Header] for one that must be there and not be empty.
func Required(header map[string][]string, name string) (string, error) {
	value, err := Header(header, name)
	if err == nil && value == "" {
		err = Malformed("header "+name, errors.New("is missing"))
	}
	return value, err
}

// IsForm reports whether the content type says that the body is a form.
func IsForm(header map[string][]string) (bool, error) {
	contentType, err := Header(header, "Content-Type")
	if err != nil {
		return false, err
	}
	// A type that cannot be read is not a form; whether it is acceptable at
	// all is for the receiver to say.
	mediaType, _, _ := mime.ParseMediaType(contentType)
	return mediaType == "application/x-www-form-urlencoded", nil
}
