// A fresh program with OpenTelemetry: prints the spans of its first token request, for which the client has yet to load
// what makes them.
import { trace } from '@opentelemetry/api'
import { identityAt, scriptedServer, tokenAnswer } from '../test-support.ts'
import { withOpenTelemetry } from './test-support.ts'

const ends: (() => unknown)[] = []
const after = (end: () => unknown) => void ends.push(end)
const t = { after } as Parameters<typeof scriptedServer>[0]
const telemetry = withOpenTelemetry(t)
const server = await scriptedServer(t, () => tokenAnswer('token-1'))
const job = trace.getTracer('test').startSpan('job')
const { context } = await import('@opentelemetry/api')
await context.with(trace.setSpan(context.active(), job), () =>
  identityAt(server).getToken('api://orders/.default'),
)
const spans = (await telemetry.spans()).map(
  ({ name, parentSpanContext }) =>
    `${name} below ${parentSpanContext?.spanId === job.spanContext().spanId ? 'job' : 'none'}`,
)
process.stdout.write(JSON.stringify(spans))
process.exit()
