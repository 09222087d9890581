package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newSign() *cobra.Command {
	var s signing
	cmd := &cobra.Command{
		Use:   "sign",
		Short: "Sign a token for a source, and print it",
		Long: `Sign makes a token, a JSON Web Token that is signed with Ed25519, for one source. It
can be pushed once, or put where an agent or a host pulls it.`,
		Args: cobra.NoArgs,
		Example: `  pocketci sign --key build.key --source web --payload release.json
  pocketci sign --key-env SIGNING_KEY --source web --expires 10m --module github.com/acme/ci@9e107d9d372bb6826bd81d3542a419d6e277c9b1
  pocketci sign --key build.key --source hosts --pattern patterns/web.jsonnet --expires 720h > web.jwt`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := s.sign(cmd)
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), text)
			}
			return err
		},
	}
	s.sourceFlag(cmd)
	s.flags(cmd)
	cmd.Flags().StringVar(&s.payload, "payload", "", "a `FILE` of JSON for functions to read, - for standard input")
	cmd.MarkFlagFilename("payload", "json")
	return cmd
}
