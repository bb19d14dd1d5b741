// Command lull-bench measures Lull beside its peers. The Makefile's bench-NAME targets run it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/lullhq/lull/internal/bench"
	"github.com/lullhq/lull/internal/demo"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 1 {
		args = []string{""}
	}
	switch args[0] {
	case "switch", "compare", "forecast", "after":
		return upgrade(ctx, args[0])
	case "probes":
		return probes(ctx)
	case "page", "sse", "widget":
		return face(ctx, args[0])
	case "sites":
		return sites(ctx)
	case "mail":
		return mail(ctx)
	case "intercom":
		return overIntercom(ctx)
	case bench.IntercomSend:
		return bench.RunIntercom(ctx, os.Stdin)
	case bench.MailSend:
		return bench.RunMail(ctx, os.Stdin)
	case bench.ProbeServers:
		return bench.ServeProbes(os.Stdin, os.Stdout)
	case bench.ProbeRun:
		return bench.RunProbes(ctx, os.Stdin, os.Stdout)
	}
	return errors.New("usage: lull-bench switch | compare | forecast | after | probes | page | sse | widget | sites | mail | intercom")
}

// runs is how often each thing is measured.
func runs() (int, error) { return number("RUNS", 5) }

func probes(ctx context.Context) error {
	n, err := runs()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	load := bench.ProbeLoad{Targets: 10_000, Every: 10 * time.Second, Warm: 20 * time.Second, Measure: time.Minute}
	return bench.Probes(ctx, bench.ProbesOptions{Runs: n, Load: load, Self: self, Out: os.Stdout, Figures: ".bench/probes.json"})
}

// sites measures how the banner gets to many sites, and how their preview follows an edit.
func sites(ctx context.Context) error {
	n, err := runs()
	if err != nil {
		return err
	}
	self, err := filepath.Abs("bin/lull")
	if err != nil {
		return err
	}
	jekyll, err := filepath.Abs(".cache/jekyll/bin")
	if err != nil {
		return err
	}
	return bench.Sites(ctx, bench.SitesOptions{Runs: n, Sites: 100, Self: self, Dir: ".bench/sites", Path: jekyll, Out: os.Stdout, Figures: ".bench/sites.json"})
}

// number reads one from the environment.
func number(name string, otherwise int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q, not a number of 1 or more", name, text)
	}
	return n, nil
}

func mail(ctx context.Context) error {
	runs, err := number("RUNS", 3)
	if err != nil {
		return err
	}
	mails, err := number("MAILS", 100_000)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return bench.Mail(ctx, bench.MailOptions{Runs: runs, Mails: mails, Self: self, Dir: ".bench/mail", Out: os.Stdout, Figures: ".bench/mail.json"})
}

func overIntercom(ctx context.Context) error {
	contacts, err := number("CONTACTS", 100_000)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return bench.Intercom(ctx, bench.IntercomOptions{Contacts: contacts, Self: self, Dir: ".bench/intercom", Out: os.Stdout, Figures: ".bench/intercom.json"})
}

// face measures how the page, or its events, are served.
func face(ctx context.Context, part string) error {
	n, err := runs()
	if err != nil {
		return err
	}
	self, err := filepath.Abs("bin/lull")
	if err != nil {
		return err
	}
	dir := ".bench/" + part
	if part == "page" {
		return bench.Page(ctx, bench.PageOptions{Runs: n, Self: self, Dir: dir, Out: os.Stdout, Figures: ".bench/page.json"})
	}
	connections := 10_000
	if text := os.Getenv("CONNECTIONS"); text != "" {
		if connections, err = strconv.Atoi(text); err != nil || connections < 1 {
			return fmt.Errorf("CONNECTIONS is %q, not a number of listeners", text)
		}
	}
	if part == "widget" {
		return bench.Widget(ctx, bench.WidgetOptions{Runs: n, People: connections, Self: self, Dir: dir, Out: os.Stdout, Figures: ".bench/widget.json"})
	}
	peers, err := filepath.Abs(".bench/peers")
	if err != nil {
		return err
	}
	return bench.SSE(ctx, bench.SSEOptions{Runs: n, Connections: connections, Self: self, Peers: peers, Dir: dir, Out: os.Stdout, Figures: ".bench/sse.json"})
}

// upgrade measures a part of it.
func upgrade(ctx context.Context, part string) error {
	o, err := demo.FromEnviron(os.Getenv)
	if err != nil {
		return err
	}
	runs, err := runs()
	if err != nil {
		return err
	}
	if o.Self, err = filepath.Abs("bin/lull"); err != nil {
		return err
	}
	o.Dir, o.Keep, o.Out = ".bench/"+part, false, os.Stdout
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	if part == "compare" {
		return bench.Compare(ctx, bench.CompareOptions{Runs: runs, Demo: o, Out: os.Stdout, Figures: ".bench/compare.json"})
	}
	if part == "after" {
		return bench.After(ctx, bench.AfterOptions{Runs: runs, Minute: time.Minute, Demo: o, Out: os.Stdout, Figures: ".bench/after.json"})
	}
	if part == "forecast" {
		return bench.Forecast(ctx, bench.ForecastOptions{Runs: runs, Demo: o, Out: os.Stdout, Figures: ".bench/forecast.json"})
	}
	return bench.Switch(ctx, bench.SwitchOptions{Runs: runs, Demo: o, Out: os.Stdout, Figures: ".bench/switch.json"})
}
