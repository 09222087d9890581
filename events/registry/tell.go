package registry

import (
	"slices"

	"github.com/franela/pocketci/events"
)

// tell moves the state to what was seen and returns the events of what differs:
// new tags, then a release, then tags that stand for something else.
func (w Watch) tell(s *State, v seen) []events.Event {
	var list []events.Event
	tags := make([]string, 0, len(v.tags))
	var hollow []string
	for _, tag := range v.tags {
		told := !s.Looked || s.has(tag)
		if !told && slices.Contains(v.fresh, tag) && v.digests[tag] != "" {
			list = append(list, w.event(NameTag, s.delivery("tag "+tag), "", Payload{Tag: tag, Digest: v.digests[tag]}))
			told = true
		}
		switch {
		case v.void[tag] || !told && s.hollow(tag):
			hollow = append(hollow, tag)
		case told:
			tags = append(tags, tag)
		}
	}
	was := s.Digests
	replaced := func(tag string) {
		before, now := was[tag], v.digests[tag]
		if before != "" && now != "" && before != now {
			list = append(list, w.event(NameDigest, s.delivery("digest "+tag), "", Payload{Tag: tag, Digest: now, PreviousTag: tag, PreviousDigest: before}))
		}
	}
	if digest := v.digests[v.newest]; digest != "" && w.Rule.Compare(v.newest, s.Released) > 0 {
		// There is one release of a version, whatever state it is found in.
		p := Payload{Tag: v.newest, Digest: digest, PreviousDigest: was[s.Released]}
		if w.Rule.IsVersion(s.Released) {
			p.PreviousTag = s.Released
		}
		list = append(list, w.event(NameRelease, "release "+w.Image(v.newest), "", p))
		s.Released = v.newest
	}
	replaced(v.newest)
	if s.Pinned != v.newest {
		replaced(s.Pinned)
	}
	s.Digests = map[string]string{}
	for _, tag := range []string{v.newest, s.Pinned} {
		if digest := v.digests[tag]; digest != "" {
			s.Digests[tag] = digest
		}
	}
	s.Tags, s.Hollow, s.Looked = tags, hollow, true
	return list
}
