package pgup

import "context"

// WhileComparing is whileComparing of an upgrade that was not run by this process.
func (u *Upgrade) WhileComparing(ctx context.Context, do func(context.Context) error) error {
	if err := u.know(ctx); err != nil {
		return err
	}
	return u.whileComparing(ctx, do)
}
