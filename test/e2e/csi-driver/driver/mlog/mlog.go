// Package mlog stands in for the library of the same name, with which the driver sets up its log and which the
// module proxy does not serve everywhere: the names that the driver's main program uses, over plain klog.
package mlog

import (
	"context"
	"flag"
	"os"
	"strconv"

	"k8s.io/klog/v2"
)

// KlogLevel is the verbosity of klog.
type KlogLevel = klog.Level

// LogFormat is chosen by a flag of the driver.
type LogFormat string

const (
	FormatText LogFormat = "text"
	FormatJSON LogFormat = "json"
)

// Setup returns what writes out the rest of the log at the end.
func Setup() func() { return klog.Flush }

// ValidateAndSetKlogLevelAndFormatGlobally sets the verbosity; the format is always text here.
func ValidateAndSetKlogLevelAndFormatGlobally(_ context.Context, level KlogLevel, _ LogFormat) error {
	set := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(set)
	return set.Set("v", strconv.Itoa(int(level)))
}

// Error logs a failure.
func Error(message string, err error) { klog.ErrorS(err, message) }

// Fatal logs why the program ends, and ends it.
func Fatal(err error) {
	klog.ErrorS(err, "ends")
	klog.Flush()
	os.Exit(1)
}
