import { type Counter, type Histogram, type MeterProvider, metrics } from '@opentelemetry/api'
import { INSTRUMENTS, type Instrument, type Measure, RUN_BUCKETS } from './measures.ts'

type Record = (value: number, attributes: Measure['labels']) => void
const made = new WeakMap<MeterProvider, ReadonlyMap<string, Record>>()

/** Gives values to the instruments of the provider of the moment: it may be registered later than the first run. */
export function recordMeasures(measures: readonly Measure[]): void {
  const provider = metrics.getMeterProvider()
  const known = made.get(provider) ?? instrumentsOf(provider)
  made.set(provider, known)
  for (const { name, value, labels } of measures) {
    const attributes = Object.fromEntries(Object.entries(labels).map(([key, text]) => [`tomte.${key}`, text]))
    known.get(name)?.(value, attributes)
  }
}

function instrumentsOf(provider: MeterProvider): ReadonlyMap<string, Record> {
  const meter = provider.getMeter('@tomte/jobs')
  const all = Object.entries<Instrument>(INSTRUMENTS).map(([name, { kind, description, unit }]) => {
    if (kind === 'counter') {
      const counter: Counter = meter.createCounter(name, { description, unit })
      return [name, (value: number, attributes: Measure['labels']) => counter.add(value, attributes)] as const
    }
    const advice = { explicitBucketBoundaries: RUN_BUCKETS }
    const histogram: Histogram = meter.createHistogram(name, { description, unit, advice })
    return [
      name,
      (value: number, attributes: Measure['labels']) => histogram.record(value, attributes),
    ] as const
  })
  return new Map(all)
}
