import type { Effect, FieldChange, PlannedChange, Rehearsal } from '@tomte/jobs'

const SHOWN_MAX = 100
const VALUE_MAX_CHARACTERS = 80
const MARKS: Readonly<Record<Effect, string>> = { created: '+', updated: '~', disabled: '-', deleted: '×' }

/** What a run would do, for a person: each thing with its fields, and the counts. */
export function rehearsalText({ plan, limit }: Rehearsal): string {
  const { counts, changes, omitted } = plan
  const shown = changes.slice(0, SHOWN_MAX)
  const more = changes.length - shown.length + omitted
  const { created, updated, disabled, deleted } = counts
  return [
    ...shown.flatMap(changeLines),
    ...(more > 0 ? [`… and ${more} more; --json lists up to 10,000`] : []),
    `Would be: ${created} created, ${updated} updated, ${disabled} disabled, ${deleted} deleted. Nothing was changed.`,
    ...(limit === undefined
      ? []
      : [
          `Limit: ${limit.found} disabled or deleted of ${limit.of}, at most ${limit.allowed} in one run${limit.found > limit.allowed ? ': the run would be refused' : ''}`,
        ]),
  ].join('\n')
}

function changeLines({ effect, what, name, fields }: PlannedChange): readonly string[] {
  const title = name === undefined ? plain(what) : `${plain(name)} (${plain(what)})`
  return [
    `${MARKS[effect]} ${effect.padEnd(8)} ${title}`,
    ...Object.entries(fields).map(([field, change]) => `    ${plain(field)}: ${fieldText(change)}`),
  ]
}

function fieldText(change: FieldChange): string {
  const after = valueText(change.after)
  return 'before' in change ? `${valueText(change.before)} → ${after}` : after
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return plain(text.length > VALUE_MAX_CHARACTERS ? `${text.slice(0, VALUE_MAX_CHARACTERS - 1)}…` : text)
}

/** Values come from the directory and from files: none may steer the terminal. */
const plain = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
