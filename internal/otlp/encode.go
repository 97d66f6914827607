package otlp

import (
	"fmt"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/parley-chat/parley/internal/trace"
)

// serviceName is what collectors call the server.
const serviceName = "parley"

// encode returns the body of a request with spans. It is an ExportTraceServiceRequest,
// which has the form of TracesData on the wire.
func encode(spans []*trace.Span, version, instance string) []byte {
	encoded := make([]*tracepb.Span, len(spans))
	for i, s := range spans {
		encoded[i] = encodeSpan(s)
	}
	resource := []*commonpb.KeyValue{
		attribute("service.name", serviceName),
		attribute("service.version", version),
		attribute("service.instance.id", instance),
	}
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: []*tracepb.ResourceSpans{{
		Resource:   &resourcepb.Resource{Attributes: resource},
		ScopeSpans: []*tracepb.ScopeSpans{{Spans: encoded}},
	}}})
	if err != nil {
		panic(err) // only text that is not UTF-8 fails, and there is none of others' in spans
	}
	return body
}

var kinds = map[trace.Kind]tracepb.Span_SpanKind{
	trace.Internal: tracepb.Span_SPAN_KIND_INTERNAL,
	trace.Server:   tracepb.Span_SPAN_KIND_SERVER,
}

func encodeSpan(s *trace.Span) *tracepb.Span {
	encoded := &tracepb.Span{
		TraceId:           s.Context.TraceID[:],
		SpanId:            s.Context.SpanID[:],
		Name:              s.Name,
		Kind:              kinds[s.Kind],
		StartTimeUnixNano: nano(s.Start),
		EndTimeUnixNano:   nano(s.Finish),
	}
	if !s.Parent.IsZero() {
		encoded.ParentSpanId = s.Parent.SpanID[:]
	}
	for _, a := range s.Attributes {
		encoded.Attributes = append(encoded.Attributes, attribute(a.Key, a.Value))
	}
	if s.Error != "" {
		encoded.Attributes = append(encoded.Attributes, attribute("error.type", s.Error))
	}
	if s.Broken {
		encoded.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR}
	}
	return encoded
}

func nano(t time.Time) uint64 { return uint64(t.UnixNano()) }

func attribute(key string, value any) *commonpb.KeyValue {
	v := &commonpb.AnyValue{}
	switch value := value.(type) {
	case string:
		v.Value = &commonpb.AnyValue_StringValue{StringValue: value}
	case int:
		v.Value = &commonpb.AnyValue_IntValue{IntValue: int64(value)}
	case bool:
		v.Value = &commonpb.AnyValue_BoolValue{BoolValue: value}
	default:
		panic(fmt.Sprintf("attribute %s has a value of type %T", key, value))
	}
	return &commonpb.KeyValue{Key: key, Value: v}
}
