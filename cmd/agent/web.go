package main

// public reports whether everybody may read the runs of a repository, as agent.yaml
// says now.
func (p *process) public(repository string) bool {
	return p.configured.Load().settings.Web.Shows(repository)
}
