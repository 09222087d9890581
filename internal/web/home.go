package web

import (
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

type homePage struct{ Runs []v1.Run }

func (s *Site) home(v *visit) error {
	runs, err := v.api.Runs(v.ctx(), client.RunFilter{})
	if err != nil {
		return err
	}
	return v.show("home", homePage{Runs: runs.Runs})
}
