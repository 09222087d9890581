package apply

import (
	"os/exec"
	"syscall"
)

// together has everything that a command starts end with it, and the command end
// with this process: what has no parent any more must not go on beside the run that
// takes up its work.
func together(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}

// end kills what is left of a command that did not end by itself.
func end(cmd *exec.Cmd) {
	if cmd.Process != nil {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
}
