package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/signed"
)

func newKeygen() *cobra.Command {
	var out, id, of string
	cmd := &cobra.Command{
		Use:   "keygen",
		Short: "Make a key that signs tokens",
		Long: `Keygen makes a key for Ed25519. The private key goes to a file that only its owner
can read, and never replaces one; who has it can push to every source that trusts
it. The public key is printed: it is no secret, and agent.yaml names it under
signed as one that is trusted.

With --public-of it makes nothing, and prints the public key of a private one.`,
		Args: cobra.NoArgs,
		Example: `  pocketci keygen --out build.key --id build
  pocketci keygen --public-of build.key`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if of != "" {
				signer, err := (&signing{keyFile: of}).signer(cmd)
				if err == nil {
					fmt.Fprintln(cmd.OutOrStdout(), signer.Public())
				}
				return err
			}
			signer, err := signed.NewSigner(id)
			if err != nil {
				return err
			}
			err = writeNew(out, signer.Secret()+"\n")
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s is there already, and may be a key that is in use; name another file with --out", out)
			}
			if err != nil {
				return fmt.Errorf("write the private key: %w", err)
			}
			newScreen(cmd.ErrOrStderr()).printf("the private key is in %s; keep it secret\n", out)
			fmt.Fprintln(cmd.OutOrStdout(), signer.Public())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "pocketci.key", "write the private key to this new `FILE`")
	f.StringVar(&id, "id", "", "what tells the key from others, in tokens and logs (by default it follows from the key)")
	f.StringVar(&of, "public-of", "", "print the public key of the private key in this `FILE`")
	cmd.MarkFlagsMutuallyExclusive("public-of", "out")
	cmd.MarkFlagsMutuallyExclusive("public-of", "id")
	cmd.MarkFlagFilename("public-of")
	cmd.MarkFlagFilename("out")
	return cmd
}
