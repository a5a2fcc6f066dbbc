import type { RunCost } from '@tomte/jobs'
import type { Outcome } from './plan.ts'

/** How many rows ended how: created + updated + unchanged + rejected = rows. */
export interface Counts {
  readonly rows: number
  readonly created: number
  readonly updated: number
  /** Of the updated, those whose account was disabled because they have left. */
  readonly disabled: number
  readonly unchanged: number
  readonly rejected: number
}

export const NO_COUNTS: Counts = { rows: 0, created: 0, updated: 0, disabled: 0, unchanged: 0, rejected: 0 }

/** Counts one more row. */
export function counted(counts: Counts, outcome: Outcome | 'rejected'): Counts {
  const rows = counts.rows + 1
  if (outcome === 'disabled')
    return { ...counts, rows, updated: counts.updated + 1, disabled: counts.disabled + 1 }
  return { ...counts, rows, [outcome]: counts[outcome] + 1 }
}

/** A row that needs a person's eyes, by its line in the file. */
export interface Remark {
  readonly line: number
  readonly reason: string
}

/** What a whole run has done, across restarts. */
export interface ProvisionResult extends Omit<Counts, 'rejected'> {
  readonly rejected: readonly Remark[]
  readonly warnings: readonly Remark[]
  /** People in the directory whom the file does not name: never touched. */
  readonly notInFile: number
}

const REMARKS_SHOWN = 20

/** Tells a person what a run has done. */
export function summary(result: ProvisionResult & RunCost): string {
  const { rows, created, updated, disabled, unchanged, rejected, warnings, notInFile } = result
  return [
    `${rows} rows: ${created} created, ${updated} updated (${disabled} of them disabled), ${unchanged} unchanged, ${rejected.length} rejected`,
    `${notInFile} people in the directory are not in the file and were not touched`,
    ...listed('Rejected', rejected),
    ...listed('Warnings', warnings),
    `${result.tokenRequests} token request${result.tokenRequests === 1 ? '' : 's'}, ${result.apiRequests} calls, ${result.retries} retries, ${result.seconds} s`,
  ].join('\n')
}

function listed(title: string, remarks: readonly Remark[]): readonly string[] {
  if (remarks.length === 0) return []
  const shown = remarks.slice(0, REMARKS_SHOWN).map(({ line, reason }) => `  line ${line}: ${reason}`)
  const rest = remarks.length - shown.length
  return [`${title}:`, ...shown, ...(rest > 0 ? [`  … and ${rest} more`] : [])]
}
