package schedule_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/franela/pocketci/events/schedule"
)

func TestPolicy(t *testing.T) {
	for _, word := range schedule.CatchUpWords() {
		var p schedule.Policy
		if err := json.Unmarshal([]byte(`{"CatchUp": "`+word+`"}`), &p); err != nil || p.CatchUp.String() != word {
			t.Errorf("%s is read as %s, %v", word, p.CatchUp, err)
		}
		if data, err := json.Marshal(p.CatchUp); err != nil || string(data) != `"`+word+`"` {
			t.Errorf("%s is written as %s, %v", word, data, err)
		}
	}
	var c schedule.CatchUp
	if err := c.UnmarshalText([]byte("never")); err == nil {
		t.Error("never is taken")
	}
	if age := (schedule.Policy{}).Age(); age != 24*time.Hour {
		t.Errorf("the default age is %s", age)
	}
	if age := (schedule.Policy{MaxAge: time.Minute}).Age(); age != time.Minute {
		t.Errorf("a minute is %s", age)
	}
}
