import { isDeepStrictEqual } from 'node:util'

/** A property before and after a change, each as JSON; `null` for none (Graph, `modifiedProperty`). */
export interface ModifiedProperty {
  readonly displayName: string
  readonly oldValue: string | null
  readonly newValue: string | null
}

/** An object of the directory as its route shows it. */
export type Shown = Readonly<Record<string, unknown>>

const VALUE_LENGTH_MAX = 4000
// What says something of a secret or a person, or repeats a key, is left out at any depth, wherever it may stand one day.
const SILENT = new Set([
  'hint',
  'secretText',
  'key',
  'password',
  'passwordProfile',
  'customKeyIdentifier',
  'accounts',
])

/** Lists the properties that differ; of lists, the entries that only one side has. */
export function modifiedProperties(before: Shown, after: Shown): readonly ModifiedProperty[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names
    .filter((name) => !SILENT.has(name) && !name.startsWith('@'))
    .filter((name) => !isDeepStrictEqual(before[name], after[name]))
    .filter((name) => !(isNothing(before[name]) && isNothing(after[name])))
    .map((name) => {
      const [old, current] = differing(before[name], after[name])
      return { displayName: name, oldValue: written(old), newValue: written(current) }
    })
}

/** A new object has many properties that say nothing. */
const isNothing = (value: unknown): boolean =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0)

function differing(old: unknown, current: unknown): readonly [unknown, unknown] {
  if (!Array.isArray(old) || !Array.isArray(current)) return [old, current]
  return [missingIn(current, old), missingIn(old, current)]
}

const missingIn = (others: readonly unknown[], entries: readonly unknown[]) =>
  entries.filter((entry) => !others.some((other) => isDeepStrictEqual(other, entry)))

function written(value: unknown): string | null {
  if (value === undefined || value === null) return null
  const text = JSON.stringify(value, (name, part: unknown) => (SILENT.has(name) ? undefined : part))
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text
}

/**
 * Lists what was changed of a person: names alone, and flags. A log outlives what it tells of, and must not be where
 * personal data lives on.
 */
export function modifiedOfPerson(sent: Shown): readonly ModifiedProperty[] {
  return Object.entries(sent).map(([name, value]) => ({
    displayName: name,
    oldValue: null,
    newValue: typeof value === 'boolean' ? JSON.stringify(value) : null,
  }))
}
