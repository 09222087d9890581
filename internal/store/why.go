package store

// whyCall says why a call waits, from what was found to be open. It asks in the
// order in which claiming does.
func (l *look) whyCall(c *openCall) reason {
	if c.held {
		return reason{why: WhyEnding}
	}
	if c.blocked {
		return reason{why: WhyAfter, behind: l.before(c)}
	}
	if front := l.front(c); len(front) > 0 {
		return reason{why: WhyGroup, behind: front}
	}
	var busy int
	for _, o := range l.held {
		if o.repository == c.repository {
			busy++
		}
	}
	return l.room(busy, c.runsOn,
		func(m *member) (int, int) { return m.calls, m.Calls },
		func(m *member) int { return m.RepositoryCalls })
}

// whyRun says why a run waits to be planned.
func (l *look) whyRun(r *Run) reason {
	var busy int
	for _, o := range l.heldRuns {
		if o.Repository == r.Repository {
			busy++
		}
	}
	return l.room(busy, "",
		func(m *member) (int, int) { return m.runs, m.Runs },
		func(m *member) int { return m.RepositoryRuns })
}

// before are the open calls that one comes after.
func (l *look) before(c *openCall) []CallName {
	waits, err := readAfters(c.ID, c.after)
	if err != nil {
		return nil // its run says so when it goes on
	}
	ids := map[string]bool{}
	for _, a := range waits {
		ids[a.id] = true
	}
	var names []CallName
	seen := map[string]bool{}
	for _, list := range [][]openCall{l.held, l.queued} {
		for _, o := range list {
			// A call that is made is in both lists if it was claimed in between.
			if ids[o.ID] && !seen[o.ID] && !o.state.Final() {
				seen[o.ID] = true
				names = append(names, o.CallName)
			}
		}
	}
	return names
}

// front are the calls of its group that a call waits for: those that are made, or
// one of an older run that goes first.
func (l *look) front(c *openCall) []CallName {
	if c.pool == "" {
		return nil
	}
	var names []CallName
	for _, o := range l.held {
		if o.pool == c.pool && o.ID != c.ID {
			names = append(names, o.CallName)
		}
	}
	if len(names) > 0 {
		return names
	}
	for _, o := range l.queued {
		if c.serial && o.pool == c.pool && o.RunNumber < c.RunNumber {
			return []CallName{o.CallName}
		}
	}
	return nil
}

// room says which limit something waits for: busy is how much is in progress of its
// repository; load is how much a member has and may have, limit how much of a
// repository it lets be in progress.
func (l *look) room(busy int, runsOn string, load func(*member) (has, most int), limit func(*member) int) reason {
	if len(l.members) == 0 {
		return reason{why: WhyNoAgent}
	}
	fit, unknown := false, false
	full, agents := reason{why: WhyAgents}, 0
	repository := reason{why: WhyRepository, busy: busy}
	for i := range l.members {
		m := &l.members[i]
		if !m.said {
			unknown = true
			continue
		}
		if !m.takes(runsOn) {
			continue
		}
		fit = true
		has, most := load(m)
		switch allowed := limit(m); {
		case allowed > 0 && busy >= allowed:
			repository.most = max(repository.most, allowed)
		case most > 0 && has >= most:
			agents++
			full.busy, full.most = full.busy+has, full.most+most
		default:
			return reason{why: WhyNothing}
		}
	}
	switch {
	case !fit && !unknown:
		return reason{why: WhyRunner, runsOn: runsOn}
	case unknown:
		return reason{why: WhyNothing}
	case agents > 0:
		return full
	}
	return repository
}
