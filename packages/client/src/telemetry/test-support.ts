// A program that has OpenTelemetry: its real SDK with exporters in memory. The context manager and the propagator are what
// the SDK's packages for servers bring along, in their shortest form.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { TestContext } from 'node:test'
import {
  type Context,
  context,
  type ContextManager,
  metrics,
  propagation,
  ROOT_CONTEXT,
  type TextMapPropagator,
  trace,
} from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { settled } from '../token/test-support.ts'

export interface Point {
  readonly attributes: object
  readonly value: unknown
}

export interface Telemetry {
  /** The spans that have ended. */
  spans(): Promise<readonly ReadableSpan[]>
  /** The data points of each metric at this moment, by name. */
  points(): Promise<ReadonlyMap<string, readonly Point[]>>
  /** Everything exported so far, as text. */
  exported(): Promise<string>
}

function asyncContexts(): ContextManager {
  const storage = new AsyncLocalStorage<Context>()
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, run, thisArg, ...args) => storage.run(active, () => run.apply(thisArg, args)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  }
  return manager
}

/** W3C Trace Context §3.2, in capitals, as some propagators write header names. */
export const traceContext: TextMapPropagator = {
  fields: () => ['Traceparent'],
  extract: (active) => active,
  inject: (active, carrier, setter) => {
    const span = trace.getSpanContext(active)
    if (span) setter.set(carrier, 'Traceparent', `00-${span.traceId}-${span.spanId}-01`)
  },
}

/** Registers the SDK for one test, as an application does at its start. */
export function withOpenTelemetry(t: Pick<TestContext, 'after'>): Telemetry {
  const spanExporter = new InMemorySpanExporter()
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({
    exporter: metricExporter,
    exportIntervalMillis: 3_600_000,
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  trace.setGlobalTracerProvider(
    new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })] }),
  )
  metrics.setGlobalMeterProvider(meterProvider)
  propagation.setGlobalPropagator(traceContext)
  context.setGlobalContextManager(asyncContexts())
  t.after(async () => {
    for (const api of [trace, metrics, propagation, context]) api.disable()
    await meterProvider.shutdown()
  })
  // What the client loads at the first event is there at once from then on.
  const recorded = async () => {
    await Promise.all([import('./token-signals.ts'), import('./call-signals.ts')])
    await settled()
    await settled()
  }
  const collected = async () => {
    await recorded()
    await meterProvider.forceFlush()
    return (
      metricExporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap(({ metrics: each }) => each) ?? []
    )
  }
  const spans = async () => {
    await recorded()
    return spanExporter.getFinishedSpans()
  }
  return {
    spans,
    points: async () =>
      new Map((await collected()).map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints])),
    exported: async () => {
      const facts = (await spans()).map(({ name, attributes, events, status, links, resource }) => ({
        name,
        attributes,
        events,
        status,
        links,
        resource: resource.attributes,
      }))
      return JSON.stringify([facts, await collected()])
    },
  }
}
