package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/settings"
)

// hookSecretBytes is how many random bytes a webhook's secret has.
const hookSecretBytes = 32

// hookSecret is the secret that deliveries of a webhook are proven by.
type hookSecret struct {
	settings.Secret
	// value is empty while there is none.
	value string
	// made says that the value is new, so that the agent does not know it yet.
	made bool
}

// secret returns the first of the forge's webhook secrets, which is the one that
// holds while there are two. It has no value if its variable is not set or its file
// does not exist.
func (f *hookForge) secret() (hookSecret, error) {
	if len(f.secrets) == 0 {
		return hookSecret{}, fmt.Errorf("%s:%d: the forge %s has no webhook-secrets; write some, such as [{from-file: /etc/pocketci/%s.secret}]", f.file, f.line, f.Name, f.Name)
	}
	s := hookSecret{Secret: f.secrets[0]}
	if s.File != "" {
		_, err := os.Stat(s.File)
		if errors.Is(err, fs.ErrNotExist) {
			return s, nil
		}
		s.value, err = f.vault.Secret(s.Secret)
		return s, err
	}
	value, _ := f.vault.Value(s.Env)
	switch n := len(strings.TrimSpace(value)); {
	case n == 0:
		return s, nil
	case n < secrets.MinLength:
		return s, &secrets.ShortError{Secret: "the variable " + s.Env}
	}
	s.value = value
	return s, nil
}

// make gives the secret a new value, and writes it if it is one of a file.
func (s *hookSecret) make() error {
	random := make([]byte, hookSecretBytes)
	rand.Read(random) // it never fails
	value := base64.RawURLEncoding.EncodeToString(random)
	if s.File != "" {
		if err := writeNew(s.File, value+"\n"); err != nil {
			return fmt.Errorf("write a new webhook secret: %w", err)
		}
	}
	s.value, s.made = value, true
	return nil
}

// place says where the secret belongs.
func (s *hookSecret) place() string {
	if s.File != "" {
		return "the file " + s.File
	}
	return "the variable " + s.Env
}

// writeNew makes a file that only its owner can read, or none.
func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
