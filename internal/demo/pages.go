package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

// pages signs in to the page as a browser would, and reads what home and a run say. If
// somebody is to have a look, it waits until he has.
func (d *demo) pages(a *theAgent, key string) error {
	heading("Look at the page, signed in with the key")
	jar, err := cookiejar.New(nil)
	if err != nil {
		return fmt.Errorf("keep cookies: %w", err)
	}
	browser := &http.Client{Jar: jar, Timeout: time.Minute}
	defer browser.CloseIdleConnections()
	res, err := browser.PostForm(a.url+"/sign-in", url.Values{"key": {key}, "to": {"/"}})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	home, err := readPage(res)
	if err != nil {
		return err
	}
	if !strings.Contains(home, fullName) {
		return fmt.Errorf("home does not show %s", fullName)
	}
	res, err = browser.Get(a.url + "/runs/1")
	if err != nil {
		return fmt.Errorf("open a run: %w", err)
	}
	run, err := readPage(res)
	if err != nil {
		return err
	}
	calls := regexp.MustCompile(`href="(/runs/1/calls/[^"]+)"`).FindStringSubmatch(run)
	if calls == nil {
		return fmt.Errorf("the page of run 1 leads to none of its calls")
	}
	fmt.Printf("%s/ has %s on it, %s/runs/1 its first run, and %s%s the log of a call\n", a.url, fullName, a.url, a.url, calls[1])
	if os.Getenv("STAY") == "" {
		fmt.Println("make demo STAY=1 leaves it open for you to look at.")
		return nil
	}
	fmt.Printf("\nOpen %s/ and sign in with the key\n\n    %s\n\nIt stays until you press Ctrl-C.\n", a.url, key)
	<-d.ctx.Done()
	return nil
}

// readPage returns a page, which has to be one.
func readPage(res *http.Response) (string, error) {
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", res.Request.URL.Path, err)
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", res.Request.URL.Path, res.Status)
	}
	return string(data), nil
}
