// Package awscli makes a command of every operation of the API: from the words of a
// command line to an exit code, as the AWS CLI does it in version 2. What a line means
// is in the package input, how an answer is printed in output, and how a call is made
// in api; this package finds out where and as whom to call, and joins them.
package awscli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"github.com/parley-chat/parley"
	"github.com/parley-chat/parley/internal/api"
	"github.com/parley-chat/parley/internal/awscli/input"
	"github.com/parley-chat/parley/internal/awscli/output"
)

// Config is what commands work with. All members are required, but for Width.
type Config struct {
	Out, Err  io.Writer
	Terminal  bool // whether Out is one
	Width     int  // of that, in columns; 0 when it is not known
	Version   string
	FindLocal FindLocal
}

// Command is the command of one operation.
type Command struct {
	cfg Config
	op  parley.Operation

	line        input.Line
	options     output.Options
	errorFormat string
}

// Find returns the command that a line names, if it names one, and its other words.
func Find(cfg Config, words []string) (c *Command, rest []string, ok bool) {
	op, rest, ok := input.Find(words)
	return &Command{cfg: cfg, op: op, errorFormat: os.Getenv("AWS_CLI_ERROR_FORMAT")}, rest, ok
}

// Run does what a line asks for, of which the words are all but the command's name. It
// returns the code to exit with.
func (c *Command) Run(ctx context.Context, words []string) int {
	err := c.run(ctx, words)
	switch {
	case err == nil:
		return exitOK
	case ctx.Err() != nil:
		fmt.Fprintln(c.cfg.Out)
		return exitInterrupted
	}
	return c.fail(err)
}

func (c *Command) run(ctx context.Context, words []string) error {
	line, err := input.Parse(c.op, words)
	c.line = line
	c.errorFormat = cmp.Or(line.Globals.ErrorFormat, c.errorFormat)
	invalid := (*input.Error)(nil)
	switch {
	case errors.As(err, &invalid) && invalid.Kind != input.Members, err != nil && invalid == nil:
		return err
	case line.Version:
		_, err := fmt.Fprintln(c.cfg.Out, c.cfg.Version)
		return err
	case line.Help:
		return PrintHelp(c.cfg.Out, c.op)
	}
	if err := c.compile(line.Globals.Query); err != nil {
		return err
	}
	switch line.Skeleton {
	case input.SkeletonInput:
		return printSkeleton(c.cfg.Out, c.op)
	case input.SkeletonYAML:
		_, err := io.WriteString(c.cfg.Out, input.YAMLSkeleton(c.op))
		return err
	}
	settings, err := Resolve(ctx, c.choices(), c.cfg.FindLocal)
	if err != nil {
		return err
	}
	if err := c.formats(settings.Profile); err != nil {
		return err
	}
	if invalid != nil {
		return invalid
	}
	if line.Skeleton == input.SkeletonOutput {
		return output.Print(c.cfg.Out, c.op, input.OutputSkeleton(c.op), c.options)
	}
	return c.call(ctx, settings)
}

// call makes the call and prints the answer.
func (c *Command) call(ctx context.Context, settings Settings) error {
	if settings.Notice != "" {
		fmt.Fprintln(c.cfg.Err, "parley:", settings.Notice)
	}
	settings.API.UserAgent = c.cfg.Version
	if c.line.Globals.Debug {
		settings.API.Log = slog.New(slog.NewTextHandler(c.cfg.Err,
			&slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	answer, err := api.New(settings.API).Call(ctx, c.op, c.line.Input)
	if err != nil {
		return err
	}
	return output.Print(c.cfg.Out, c.op, answer, c.options)
}

// choices returns what the line says about where and as whom to call.
func (c *Command) choices() Choices {
	g := c.line.Globals
	return Choices{
		Profile: g.Profile, Region: g.Region, EndpointURL: g.EndpointURL,
		CABundle: g.CABundle, NoVerifySSL: g.NoVerifySSL, Unsigned: g.NoSignRequest,
		ConnectTimeout: g.ConnectTimeout, ReadTimeout: g.ReadTimeout,
	}
}

// compile takes the query of the line, if it has one.
func (c *Command) compile(expression string) error {
	if expression == "" {
		return nil
	}
	var err error
	if c.options.Query, err = output.Compile(expression); err != nil {
		return failf(exitParameters, "ParamValidation", "%v", err)
	}
	return nil
}

// formats settles the formats of answers and errors, for which the environment and the
// profile have defaults.
func (c *Command) formats(profile map[string]string) error {
	c.errorFormat = cmp.Or(c.errorFormat, profile["cli_error_format"])
	c.options.Format = cmp.Or(c.line.Globals.Output, os.Getenv("AWS_DEFAULT_OUTPUT"),
		profile["output"])
	if c.options.Format != "" && !slices.Contains(output.Formats, c.options.Format) {
		return failf(exitGeneral, "", "Unknown output type: %s", c.options.Format)
	}
	color := c.line.Globals.Color
	c.options.Width = c.cfg.Width
	c.options.Color = color == "on" || color != "off" && c.cfg.Terminal
	if setting := profile["cli_timestamp_format"]; setting != "" {
		var err error
		if c.options.Timestamps, err = output.ParseTimestamps(setting); err != nil {
			return failf(exitGeneral, "", "%v", err)
		}
	}
	return nil
}

// printSkeleton writes a request to be filled in.
func printSkeleton(w io.Writer, op parley.Operation) error {
	text, err := json.MarshalIndent(input.Skeleton(op), "", "    ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// usage is how commands are used, in the words of the AWS CLI.
const usage = "usage: parley [options] <command> [parameters]\n" +
	"To see help text, you can run:\n\n  parley help\n  parley <command> help\n"

// fail tells of a failure, in the form that was chosen, and returns the code to exit
// with.
func (c *Command) fail(err error) int {
	refused, invalid, failed := (*api.Refusal)(nil), (*input.Error)(nil), (*failure)(nil)
	explained := Explain(err)
	switch {
	case errors.As(err, &refused):
		c.tell(output.Failure{Code: refused.Code, Message: refused.Message,
			Operation: refused.Operation, Retries: refused.Attempts - 1,
			Exhausted: refused.Exhausted, Members: refused.Members})
		if text := hint(refused); text != "" {
			fmt.Fprintln(c.cfg.Err, text)
		}
		return exitService
	case errors.As(err, &invalid):
		c.failLine(invalid)
		return invalid.Code
	case errors.As(explained, &failed):
		c.tell(output.Failure{Code: failed.code, Message: failed.text})
		return failed.exit
	}
	c.tell(output.Failure{Message: err.Error()})
	return exitGeneral
}

// failLine tells what is wrong with a command line.
func (c *Command) failLine(e *input.Error) {
	const code = "ParamValidation"
	switch e.Kind {
	case input.Usage:
		c.tell(output.Failure{Code: code, Message: e.Text + "\n\n" + usage})
	case input.Unknown:
		fmt.Fprint(c.cfg.Err, "\n", usage, "\n")
		c.tell(output.Failure{Message: e.Text})
	case input.General:
		c.tell(output.Failure{Message: e.Text})
	default:
		c.tell(output.Failure{Code: code, Message: e.Text})
	}
}

// tell writes a failure in the form that was chosen.
func (c *Command) tell(f output.Failure) {
	// Where it cannot be written, the code to exit with has to do.
	_ = output.PrintError(c.cfg.Err, f, output.ErrorOptions{
		Format: c.errorFormat, Color: c.options.Color, Width: c.options.Width,
	})
}
