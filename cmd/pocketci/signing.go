package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/signed"
)

// signing is what a token is signed with and says.
type signing struct {
	keyFile, keyEnv          string
	source                   string
	issuer, subject, id      string
	audience                 []string
	expires, after           time.Duration
	noExpiry                 bool
	module, pattern, payload string
	root                     string
}

// claimFlags are the names of the flags that mean nothing without a key.
var claimFlags = []string{"issuer", "subject", "id", "audience", "expires", "after", "no-expiry", "module", "pattern", "root"}

// flags adds all flags but those for the source and the payload.
func (s *signing) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.keyFile, "key", "", "the `FILE` with the private key: what pocketci keygen wrote, PEM, or Etcha's")
	f.StringVar(&s.keyEnv, "key-env", "", "the `NAME` of a variable with the private key, in place of a file")
	f.DurationVar(&s.expires, "expires", time.Hour, "for how long the token is valid")
	f.BoolVar(&s.noExpiry, "no-expiry", false, "have the token be valid for ever, which the source has to allow")
	f.DurationVar(&s.after, "after", 0, "for how long the token is not valid yet")
	f.StringVar(&s.issuer, "issuer", "", "who signs, for those who read the claims (iss)")
	f.StringVar(&s.subject, "subject", "", "what the token is about, for those who read the claims (sub)")
	f.StringSliceVar(&s.audience, "audience", nil, "`NAMES` that the token is for, one of which has to be the source (aud)")
	f.StringVar(&s.id, "id", "", "the token's own id (jti; made up by default)")
	f.StringVar(&s.module, "module", "", "call this module in place of the repository's: `HOST/OWNER/NAME[/FOLDER]@SHA`")
	f.StringVar(&s.pattern, "pattern", "", "the `FILE` with the pattern that a host converges to, with all that it imports")
	f.StringVar(&s.root, "root", ".", "the pattern and what it imports are below this `DIR`")
	cmd.MarkFlagsMutuallyExclusive("key", "key-env")
	cmd.MarkFlagsMutuallyExclusive("expires", "no-expiry")
	cmd.MarkFlagFilename("key")
	cmd.MarkFlagFilename("pattern", "json", "jsonnet", "yaml", "yml")
	cmd.MarkFlagDirname("root")
}

// sourceFlag adds the flag for the source.
func (s *signing) sourceFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.source, "source", "", "the `NAME` of the source that the token is for")
	cmd.MarkFlagRequired("source")
}

// given reports whether there is a key to sign with.
func (s *signing) given() bool { return s.keyFile != "" || s.keyEnv != "" }

// sign makes the token.
func (s *signing) sign(cmd *cobra.Command) (string, error) {
	signer, err := s.signer(cmd)
	if err != nil {
		return "", err
	}
	if s.expires <= 0 || s.after < 0 {
		return "", errors.New("--expires is a time above zero, and --after is not below it")
	}
	now := time.Now()
	c := signed.Claims{
		Issuer: s.issuer, Subject: s.subject, Audience: s.audience, ID: s.id, IssuedAt: now,
		Content: signed.Content{Source: s.source, Module: s.module},
	}
	if s.after > 0 {
		c.NotBefore = now.Add(s.after)
	}
	if !s.noExpiry {
		c.Expires = now.Add(s.after + s.expires)
	}
	if s.payload != "" {
		if c.Payload, err = s.readPayload(cmd.InOrStdin()); err != nil {
			return "", err
		}
	}
	if s.pattern != "" {
		if c.Pattern, err = s.readPattern(); err != nil {
			return "", err
		}
	}
	return signed.Sign(signer, c)
}

// signer reads the private key.
func (s *signing) signer(cmd *cobra.Command) (signed.Signer, error) {
	if s.keyEnv != "" {
		signer, err := signed.ParseSigner(os.Getenv(s.keyEnv))
		if err != nil {
			err = fmt.Errorf("the private key in the variable %s: %w", s.keyEnv, err)
		}
		return signer, err
	}
	if s.keyFile == "" {
		return signed.Signer{}, errors.New("no private key: name its file with --key, or a variable with --key-env; pocketci keygen makes one")
	}
	if _, err := signed.ParseSigner(s.keyFile); err == nil {
		// An error of the file would repeat it.
		return signed.Signer{}, errors.New("this is the private key itself, where the name of its file belongs: whoever sees the machine's processes or the shell's history has it now, so make a new one")
	}
	text, err := readBounded(s.keyFile)
	if err != nil {
		return signed.Signer{}, fmt.Errorf("read the private key: %w", err)
	}
	signer, err := signed.ParseSigner(text)
	if err != nil {
		return signer, fmt.Errorf("the private key in %s: %w", s.keyFile, err)
	}
	if info, err := os.Stat(s.keyFile); err == nil && info.Mode().Perm()&0o077 != 0 {
		newScreen(cmd.ErrOrStderr()).printf("warning: others than its owner may read %s, which has a private key; end that with chmod 600\n", s.keyFile)
	}
	return signer, nil
}

// readBounded reads a file that is no larger than a token.
func readBounded(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, signed.MaxToken+1))
	if err == nil && len(data) > signed.MaxToken {
		err = fmt.Errorf("%s is larger than %d bytes", name, signed.MaxToken)
	}
	return string(data), err
}

// readText reads a file, or standard input for -.
func readText(name string, stdin io.Reader) (string, error) {
	if name != "-" {
		return readBounded(name)
	}
	data, err := io.ReadAll(io.LimitReader(stdin, signed.MaxToken+1))
	if err == nil && len(data) > signed.MaxToken {
		err = fmt.Errorf("standard input is larger than %d bytes", signed.MaxToken)
	}
	return string(data), err
}

func (s *signing) readPayload(stdin io.Reader) (json.RawMessage, error) {
	text, err := readText(s.payload, stdin)
	if err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	if !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("the payload %s is not JSON", s.payload)
	}
	return json.RawMessage(text), nil
}

// readPattern returns a pattern of JSON as it is, and every other one as the texts of
// its files.
func (s *signing) readPattern() (json.RawMessage, error) {
	if strings.EqualFold(filepath.Ext(s.pattern), ".json") {
		text, err := readBounded(s.pattern)
		if err != nil {
			return nil, fmt.Errorf("read the pattern: %w", err)
		}
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("the pattern %s is not JSON", s.pattern)
		}
		return json.RawMessage(text), nil
	}
	files, err := pattern.Pack(s.root, s.pattern)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(signed.Files(files))
	if err != nil {
		return nil, fmt.Errorf("write the pattern: %w", err)
	}
	return data, nil
}
