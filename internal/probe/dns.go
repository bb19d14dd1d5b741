package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lullhq/lull/internal/hint"
)

// RecordTypes are those that DNS can ask for.
var RecordTypes = []string{"A", "AAAA", "CNAME", "MX", "NS", "TXT"}

// DNS asks for the records of a name.
type DNS struct {
	Name     string
	Type     string   // one of RecordTypes
	Expect   []string // values that have to be among the answers; none = any answer is good
	Resolver string   // host:port; "" = the system's
}

// Look implements Looker.
func (d DNS) Look(ctx context.Context) error {
	got, err := d.ask(ctx)
	var failed *net.DNSError
	if errors.As(err, &failed) && failed.IsNotFound || err == nil && len(got) == 0 {
		err = &Fault{Public: "its name is not found", Err: fmt.Errorf("%s has no %s record", d.Name, d.Type)}
	}
	if err != nil {
		return hint.Wrap(fmt.Errorf("ask for %s: %w", d.Name, err), "see the answer: dig "+d.Type+" "+d.Name)
	}
	for _, want := range d.Expect {
		if !slices.Contains(got, d.plain(want)) {
			err := fmt.Errorf("%s is %s, expected %s", d.Name, strings.Join(got, ", "), want)
			return hint.Wrap(&Fault{Public: "its name leads elsewhere", Err: err}, "see the answer: dig "+d.Type+" "+d.Name)
		}
	}
	return nil
}

func (d DNS) resolver() *net.Resolver {
	r := &net.Resolver{PreferGo: true}
	if d.Resolver != "" {
		r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, d.Resolver)
		}
	}
	return r
}

// asked is the name as it goes to the resolver. The system finds it as it does for every program here, through its search list too; a
// resolver that was named is asked for this name and no other.
func (d DNS) asked() string {
	if d.Resolver == "" {
		return d.Name
	}
	return strings.TrimSuffix(d.Name, ".") + "."
}

// ask gives the values in the form that plain gives.
func (d DNS) ask(ctx context.Context) (out []string, err error) {
	r, name := d.resolver(), d.asked()
	switch d.Type {
	case "A", "AAAA":
		family := map[string]string{"A": "ip4", "AAAA": "ip6"}[d.Type]
		var found []netip.Addr
		found, err = r.LookupNetIP(ctx, family, name)
		out = each(found, func(a netip.Addr) string { return a.Unmap().String() })
	case "CNAME":
		var one string
		one, err = r.LookupCNAME(ctx, name)
		out = []string{one}
	case "MX":
		var found []*net.MX
		found, err = r.LookupMX(ctx, name)
		out = each(found, func(m *net.MX) string { return strconv.Itoa(int(m.Pref)) + " " + m.Host })
	case "NS":
		var found []*net.NS
		found, err = r.LookupNS(ctx, name)
		out = each(found, func(n *net.NS) string { return n.Host })
	case "TXT":
		out, err = r.LookupTXT(ctx, name)
	default:
		err = fmt.Errorf("records of type %q cannot be asked for", d.Type)
	}
	return each(out, d.plain), err
}

// plain writes a value so that two of the same meaning are the same.
func (d DNS) plain(value string) string {
	switch d.Type {
	case "TXT":
		return value
	case "A", "AAAA":
		if a, err := netip.ParseAddr(value); err == nil {
			return a.Unmap().String()
		}
	}
	return strings.ToLower(strings.TrimSuffix(value, "."))
}

func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}
