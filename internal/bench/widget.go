package bench

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// WidgetOptions are the size of the measurement.
type WidgetOptions struct {
	Runs    int
	People  int    // who are signed in, each with a page that is open
	Self    string // lull
	Dir     string
	Out     io.Writer
	Figures string // the file to write
}

// written is how long is waited between two news: that all have been told is written down by then, and real news are minutes apart.
const written = 10 * time.Second

const (
	productKey  = "0123456789abcdef0123456789abcdef"
	productPage = "https://app.example.com"
)

// Widget measures how long a fact takes from the moment that it carries in the record to the pages of people who are signed in to a
// product. A command of its own puts it on record, as lull run does; each page is a stream with a token of its own.
func Widget(ctx context.Context, o WidgetOptions) error {
	f, err := layFace(ctx, o.Self, filepath.Join(o.Dir, "lull"))
	if err != nil {
		return err
	}
	if err := errors.Join(f.write("keys", "k1 HS256 "+base64.StdEncoding.EncodeToString([]byte(productKey))+"\n"),
		f.add("lull.yaml", "channels: {app: {widget: {keys_file: keys, origins: ["+productPage+"]}}}\n")); err != nil {
		return err
	}
	var last []float64
	for n := range o.Runs {
		longest, err := f.tellPeople(ctx, o.People, n)
		if err != nil {
			return fmt.Errorf("run %d: %w", n+1, err)
		}
		fmt.Fprintf(o.Out, "run %d of %d: on the last of %d pages after %.1f ms\n", n+1, o.Runs, o.People, longest)
		last = append(last, longest)
	}
	rows := []Row{
		{Key: "people", Title: "people who are signed in", Figure: Of([]float64{float64(o.People)})},
		{Key: "last_page_ms", Title: "from the fact to the last page, ms", Figure: Of(last)},
	}
	if err := Print(o.Out, rows); err != nil {
		return err
	}
	return Write(o.Figures, rows)
}

// tellPeople gathers them at a server, tells them some news of one maintenance, and gives how long the slowest was on its way.
func (f *face) tellPeople(ctx context.Context, people, run int) (longest float64, err error) {
	if err := f.serve(ctx); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.server.stop()) }()
	// Everybody comes to something that they are told, so that all the news that follow are for each of them.
	if err := f.move(ctx, run, 0); err != nil {
		return 0, err
	}
	c, err := gather(ctx, f.url+"/widget/app/stream", people, func(i int) string {
		return "Origin: " + productPage + "\r\nAuthorization: Bearer " + productToken(fmt.Sprintf("person-%d", i)) + "\r\n"
	})
	if err != nil {
		return 0, err
	}
	defer c.close()
	c.after = "event: page"
	time.Sleep(settle)
	if _, _, err := c.read(); err != nil { // what they were told when they came
		return 0, err
	}
	for n := range tellings {
		d, err := c.tell(ctx, func(ctx context.Context) error { return f.move(ctx, run, n+1) })
		if err != nil {
			return 0, err
		}
		longest = max(longest, millis(d))
		time.Sleep(written)
	}
	return longest, nil
}

// move announces a maintenance in a week, at another minute each time.
func (f *face) move(ctx context.Context, run, n int) error {
	at := run*(tellings+1) + n
	plan := strings.Replace(fmt.Sprintf(facePlan, "moved", time.Now().AddDate(0, 0, 7).Format(time.DateOnly)), "17:00", fmt.Sprintf("%d:%02d", 17+at/60, at%60), 1)
	if err := f.write("move.yaml", plan+"notices: [30d]\n"); err != nil {
		return err
	}
	return f.lull(ctx, "schedule", filepath.Join(f.dir, "move.yaml"))
}

// productToken says who somebody is, as the product does.
func productToken(who string) string {
	t := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"aud": "lull", "sub": who, "exp": time.Now().Add(30 * time.Minute).Unix()})
	t.Header["kid"] = "k1"
	s, err := t.SignedString([]byte(productKey))
	if err != nil {
		panic(err) // the key is a constant
	}
	return s
}
