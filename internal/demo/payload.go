package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/franela/pocketci/internal/gittest"
)

const fullName = "octo/hello"

//go:embed repository
var repository embed.FS

// busyboxPath is where Debian's busybox-static puts the one program that the
// containers of the demo need. Where it is missing, they pull an image.
const busyboxPath = "/bin/busybox"

// files is the first commit of the repository.
func files() []gittest.Edit {
	rootfs := `container.from("busybox:stable")`
	var edits []gittest.Edit
	if busybox, err := os.ReadFile(busyboxPath); err == nil {
		rootfs = `container.withRootfs(src.directory("rootfs"))`
		edits = append(edits, gittest.Executable("rootfs/bin/busybox", string(busybox)))
		for _, name := range []string{"sh", "echo", "sleep"} {
			edits = append(edits, gittest.Symlink("rootfs/bin/"+name, "busybox"))
		}
	}
	return append(edits,
		gittest.Write("pocketci.yaml", text("pocketci.yaml")),
		gittest.Write("greet.sh", text("greet.sh")),
		gittest.Write("ci/dagger.json", text("dagger.json")),
		gittest.Write("ci/main.dang", strings.Replace(text("main.dang"), "ROOTFS", rootfs, 1)),
	)
}

func text(name string) string {
	data, err := repository.ReadFile("repository/" + name)
	if err != nil {
		panic(fmt.Sprintf("embedded file: %v", err))
	}
	return string(data)
}

// object is a JSON object.
type object map[string]any

func repositoryOf(cloneURL string) object {
	return object{
		"id": 1, "name": "hello", "full_name": fullName, "private": true,
		"owner": object{"login": "octo"}, "html_url": "https://github.com/" + fullName,
		"clone_url": cloneURL, "default_branch": "main",
	}
}

// pushPayload has the fields of GitHub's push event that matter here
// (https://docs.github.com/webhooks/webhook-events-and-payloads#push).
func pushPayload(cloneURL, branch, before, after string) []byte {
	return encode(object{
		"ref": "refs/heads/" + branch, "before": before, "after": after,
		"created": false, "deleted": false, "forced": false, "commits": []any{},
		"repository": repositoryOf(cloneURL), "sender": object{"login": "ada"},
	})
}

// pullPayload likewise for pull_request, action opened.
func pullPayload(cloneURL string, number int, head, base string) []byte {
	repo := repositoryOf(cloneURL)
	return encode(object{
		"action": "opened", "number": number,
		"pull_request": object{
			"number": number, "state": "open", "draft": false, "merged": false,
			"head": object{"ref": fmt.Sprintf("change-%d", number), "sha": head, "repo": repo},
			"base": object{"ref": "main", "sha": base, "repo": repo},
			"user": object{"login": "ada"},
		},
		"repository": repo, "sender": object{"login": "ada"},
	})
}

func encode(o object) []byte {
	data, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("encode payload: %v", err))
	}
	return data
}

func short(sha string) string { return sha[:12] }
