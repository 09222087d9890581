//go:build unix

package engine

import (
	"os"
	"os/exec"
	"syscall"
)

// detach gives the session a process group of its own, so that an interrupt
// typed at a terminal reaches pocketci alone, which ends the session orderly.
func detach(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

func killGroup(p *os.Process) {
	_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
}
