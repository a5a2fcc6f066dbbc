import type { Write } from '@tomte/client'
import {
  type Effect,
  effectOf,
  type FieldChange,
  linkOf,
  type PlannedChange,
  type PlannedRequest,
  shown,
  type StatedChange,
} from './change.ts'

/** How many things would be changed, by what would become of each. */
export type EffectCounts = Readonly<Record<Effect, number>>

/** What a run would do. */
export interface RehearsalPlan {
  readonly counts: EffectCounts
  /** At most 10,000; `omitted` says how many more there are. */
  readonly changes: readonly PlannedChange[]
  readonly omitted: number
}

// Of two things that happen to one, the one that weighs more is told: who is created and then given a manager is created.
const WEIGHT: Readonly<Record<Effect, number>> = { updated: 0, disabled: 1, deleted: 2, created: 3 }
const CHANGES_MAX = 10_000
const READ_MAX = 5_000

interface Kept {
  effect: Effect
  name?: string | undefined
  fields: Record<string, FieldChange>
  requests: PlannedRequest[]
}

/** Gathers what a run would do, thing by thing. */
export class PlanRecorder {
  readonly #effects = new Map<string, Effect>()
  readonly #kept = new Map<string, Kept>()
  readonly #read = new Map<string, Readonly<Record<string, unknown>>>()
  #made = 0

  /** Remembers what was read of things, so that a change can say what was there before. */
  read(body: unknown): void {
    const items = isObject(body) && Array.isArray(body['value']) ? (body['value'] as unknown[]) : [body]
    for (const item of items) {
      if (!isObject(item) || typeof item['id'] !== 'string') continue
      this.#read.delete(item['id'])
      this.#read.set(item['id'], item)
    }
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= READ_MAX) break
      this.#read.delete(oldest)
    }
  }

  /** Writes down a request that is not sent. @returns the id of what it would create, or `undefined`. */
  write(api: string, { method, path, body }: Write): string | undefined {
    const { effect, what } = effectOf(method, path, body)
    const id = effect === 'created' ? this.#newId() : undefined
    const before = this.#read.get(what.split('/').at(-1) ?? '')
    const fields = Object.entries(body ?? {}).map(([name, after]) => [
      nameOf(name, path),
      {
        ...(before !== undefined && name in before ? { before: shown(name, before[name]) } : {}),
        after: shown(name, after),
      },
    ])
    this.#add(api, id === undefined ? what : `${what}/${id}`, {
      effect,
      name: titleOf(before) ?? titleOf(body as Readonly<Record<string, unknown>> | undefined),
      fields: Object.fromEntries(fields) as Record<string, FieldChange>,
      requests: [{ api, method, path }],
    })
    return id
  }

  /** Writes down what the job says of itself. */
  state({ effect, what, fields = {} }: StatedChange): void {
    const stated = Object.entries(fields).map(([name, after]) => [name, { after: shown(name, after) }])
    const all = Object.fromEntries(stated) as Record<string, FieldChange>
    this.#add('', what, { effect, fields: all, requests: [] })
  }

  get plan(): RehearsalPlan {
    const counts = { created: 0, updated: 0, disabled: 0, deleted: 0 }
    for (const effect of this.#effects.values()) counts[effect] += 1
    const changes = [...this.#kept].map(([key, kept]) => ({ ...kept, what: key.slice(key.indexOf(' ') + 1) }))
    return { counts, changes, omitted: this.#effects.size - this.#kept.size }
  }

  #add(api: string, what: string, added: Kept): void {
    const key = `${api} ${what}`
    const known = this.#effects.get(key)
    const effect = known !== undefined && WEIGHT[known] > WEIGHT[added.effect] ? known : added.effect
    this.#effects.set(key, effect)
    const kept = this.#kept.get(key)
    if (kept) {
      kept.effect = effect
      kept.name ??= added.name
      for (const [name, field] of Object.entries(added.fields))
        kept.fields[name] = { ...kept.fields[name], ...field }
      kept.requests.push(...added.requests)
    } else if (this.#kept.size < CHANGES_MAX) this.#kept.set(key, added)
  }

  /** An id that could be one, and is nobody's. */
  #newId(): string {
    this.#made += 1
    return `00000000-0000-4000-8000-${this.#made.toString(16).padStart(12, '0')}`
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

/** A link's body names the other thing by `@odata.id`: the field is the name of the link. */
function nameOf(name: string, path: string): string {
  const link = linkOf(path)
  return link !== undefined && name === '@odata.id' ? link : name
}

function titleOf(thing: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const title = thing?.['displayName'] ?? thing?.['name']
  return typeof title === 'string' ? title : undefined
}
