package github

import "sync"

// once is something that is asked for until there is an answer, and kept then.
type once[T any] struct {
	mu    sync.Mutex
	known bool
	value T
}

// get returns what is known. Several that ask at the same time may all ask.
func (o *once[T]) get(ask func() (T, error)) (T, error) {
	o.mu.Lock()
	value, known := o.value, o.known
	o.mu.Unlock()
	if known {
		return value, nil
	}
	value, err := ask()
	if err != nil {
		return value, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.value, o.known = value, true
	return value, nil
}
