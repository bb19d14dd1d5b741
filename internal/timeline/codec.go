package timeline

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/lullhq/lull/internal/maint"
)

// kinds holds every event ever shipped: a kind may be added, never removed or renamed.
var kinds = func() map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for _, e := range []maint.Event{
		maint.Scheduled{}, maint.Rescheduled{}, maint.Started{}, maint.Updated{}, maint.BannerChanged{},
		maint.Late{}, maint.Extended{}, maint.Verifying{}, maint.Completed{}, maint.Cancelled{}, maint.RolledBack{},
		maint.IncidentOpened{}, maint.IncidentUpdated{}, maint.PostMortemPublished{},
		maint.ComponentSet{}, maint.ComponentFreed{}, maint.ComponentProbed{},
		maint.ChangePosted{}, maint.ChangeWithdrawn{}, maint.ChangeDrafted{}, maint.ChangeDiscarded{},
		maint.StepStarted{}, maint.StepFinished{}, maint.StepFailed{}, maint.StepUndone{}, maint.Resumed{}, maint.Noted{}, maint.Fenced{}, maint.SitesProbed{}, maint.Audited{},
		maint.Rehearsed{}, maint.Forecast{},
		maint.NoticeGiven{},
	} {
		out[e.Kind()] = reflect.TypeOf(e)
	}
	return out
}()

// Encode gives an event's kind and its JSON.
func Encode(e maint.Event) (kind string, data []byte, err error) {
	if _, ok := kinds[e.Kind()]; !ok {
		return "", nil, fmt.Errorf("encode event: kind %q is not registered", e.Kind())
	}
	data, err = json.Marshal(e)
	if err != nil {
		return "", nil, fmt.Errorf("encode %s: %w", e.Kind(), err)
	}
	return e.Kind(), data, nil
}

// Decode reads an event back. Unknown fields are ignored, so that an older Lull can read a newer record.
func Decode(kind string, data []byte) (maint.Event, error) {
	t, ok := kinds[kind]
	if !ok {
		return nil, fmt.Errorf("decode event: unknown kind %q", kind)
	}
	v := reflect.New(t)
	if err := json.Unmarshal(data, v.Interface()); err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind, err)
	}
	return v.Elem().Interface().(maint.Event), nil
}
