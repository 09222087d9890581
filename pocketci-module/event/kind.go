package event

// Kind is what happened, in words that are the same for every vendor.
type Kind string

// The kinds of events.
const (
	// KindPush is a push to a branch.
	KindPush Kind = "PUSH"
	// KindTag is the push of a tag.
	KindTag Kind = "TAG"
	// KindPullRequest is anything that happens to a pull request itself.
	KindPullRequest Kind = "PULL_REQUEST"
	// KindRelease is anything that happens to a release.
	KindRelease Kind = "RELEASE"
	// KindCreate is the creation of a branch or a tag.
	KindCreate Kind = "CREATE"
	// KindDelete is the deletion of a branch or a tag.
	KindDelete Kind = "DELETE"
	// KindIssue is anything that happens to an issue itself.
	KindIssue Kind = "ISSUE"
	// KindComment is a comment on an issue, a pull request or a commit.
	KindComment Kind = "COMMENT"
	// KindReview is a review of a pull request.
	KindReview Kind = "REVIEW"
	// KindSchedule is one tick of a schedule.
	KindSchedule Kind = "SCHEDULE"
	// KindRegistry is any event of a registry of images.
	KindRegistry Kind = "REGISTRY"
	// KindWebhook is the arrival of a webhook that is no forge's.
	KindWebhook Kind = "WEBHOOK"
	// KindSigned is the arrival of signed claims.
	KindSigned Kind = "SIGNED"
	// KindMirror is any event of a mirror.
	KindMirror Kind = "MIRROR"
	// KindManual is a run asked for by a person.
	KindManual Kind = "MANUAL"
	// KindOther is every other event; its own word is in File.Event.
	KindOther Kind = "OTHER"
)

// forgeKinds are the kinds of the events of forges, by pocketci's words and
// where a forge's own word could be left as it is by that as well.
var forgeKinds = map[string]Kind{
	"push":                        KindPush,
	"tag":                         KindTag,
	"pull_request":                KindPullRequest,
	"release":                     KindRelease,
	"create":                      KindCreate,
	"delete":                      KindDelete,
	"issues":                      KindIssue,
	"issue":                       KindIssue,
	"issue_comment":               KindComment,
	"commit_comment":              KindComment,
	"pull_request_comment":        KindComment,
	"pull_request_review_comment": KindComment,
	"note":                        KindComment,
	"pull_request_review":         KindReview,
}

// otherKinds are the kinds of the events of vendors that are no forges. Their
// words are their own: a registry's tag is not that of a repository.
var otherKinds = map[string]Kind{
	vendorTime:     KindSchedule,
	vendorRegistry: KindRegistry,
	"webhook":      KindWebhook,
	"signed":       KindSigned,
	"mirror":       KindMirror,
	"manual":       KindManual,
}

// Kind is the kind of the event.
func (f *File) Kind() Kind {
	kind, known := otherKinds[f.Vendor]
	if _, forge := forges[f.Vendor]; forge {
		kind, known = forgeKinds[f.Event]
	}
	if !known {
		return KindOther
	}
	return kind
}
