package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// LogFormat is the form of log lines.
type LogFormat string

// The forms.
const (
	LogText LogFormat = "text" // key=value
	LogJSON LogFormat = "json" // an object on each line
)

// NewLog returns a log in the form and from the level that the settings say.
func (c Config) NewLog(to io.Writer) (*slog.Logger, error) {
	if err := c.checkLog(); err != nil {
		return nil, err
	}
	options := &slog.HandlerOptions{Level: logLevels[c.LogLevel]}
	if c.LogFormat == LogJSON {
		return slog.New(slog.NewJSONHandler(to, options)), nil
	}
	return slog.New(slog.NewTextHandler(to, options)), nil
}

// logLevels are the levels by their names in settings.
var logLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo,
	"warn": slog.LevelWarn, "error": slog.LevelError}

// checkLog returns what is wrong with the settings of the log.
func (c Config) checkLog() error {
	var errs []error
	if c.LogFormat != LogText && c.LogFormat != LogJSON {
		errs = append(errs,
			fmt.Errorf("log_format must be %s or %s, not %q", LogText, LogJSON, c.LogFormat))
	}
	if _, ok := logLevels[c.LogLevel]; !ok {
		errs = append(errs,
			fmt.Errorf("log_level must be debug, info, warn or error, not %q", c.LogLevel))
	}
	return errors.Join(errs...)
}
