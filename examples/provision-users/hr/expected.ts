import type { Fault, Kind, Person } from './person.ts'
import { STRANGERS } from './strangers.ts'

/** What an import of the export into the directory must count. */
export interface Expected {
  readonly rows: number
  readonly bad: BadRows
  readonly valid: number
  readonly joiners: number
  readonly movers: number
  /** People whose four profile fields and names already agree, whatever their manager. */
  readonly unchanged: number
  readonly leavers: { inDirectory: number; notInDirectory: number; all: number }
  /** Valid rows after whose import the person has another manager, or one at last. */
  readonly managerChanges: { joiners: number; movers: number; unchanged: number; all: number }
  /** Existing people who need a write: every mover, and the unchanged whose manager changes. */
  readonly updated: number
  /** Existing people, leavers aside, who need no write at all. */
  readonly untouched: number
  readonly directory: { before: number; notInFile: number; after: number }
}

/** Rows that an import must reject, by the reason. */
export interface BadRows {
  readonly duplicate: number
  readonly noSurname: number
  readonly tooFewFields: number
  readonly badDate: number
  readonly noId: number
  readonly all: number
}

/** Counts from what the people are, never from the rows, so that a test can compare the two. */
export function expectedCounts(people: readonly Person[]): Expected {
  const count = (suits: (person: Person) => unknown) => people.filter(suits).length
  const ofKind = (kind: Kind) => count((person) => person.kind === kind)
  const bad = badRows(people)
  const managerChanges = countManagerChanges(people)
  const leavers = {
    inDirectory: count((person) => person.kind === 'leaver' && person.inDirectory),
    all: ofKind('leaver'),
  }
  const before = count(({ inDirectory }) => inDirectory) + STRANGERS.length
  return {
    rows: people.length + bad.duplicate,
    bad,
    valid: people.length - ofKind('broken'),
    joiners: ofKind('joiner'),
    movers: ofKind('mover'),
    unchanged: ofKind('unchanged'),
    leavers: { ...leavers, notInDirectory: leavers.all - leavers.inDirectory },
    managerChanges,
    updated: ofKind('mover') + managerChanges.unchanged,
    untouched: ofKind('unchanged') - managerChanges.unchanged,
    directory: { before, notInFile: STRANGERS.length, after: before + ofKind('joiner') },
  }
}

function badRows(people: readonly Person[]): BadRows {
  const withFault = (...faults: Fault[]) =>
    people.filter(({ fault }) => fault && faults.includes(fault)).length
  const bad = {
    duplicate: people.filter(({ repeat }) => repeat).length,
    noSurname: withFault('no surname'),
    tooFewFields: withFault('cut after 3 fields', 'cut after 4 fields'),
    badDate: withFault('bad start date'),
    noId: withFault('no employee id'),
  }
  return { ...bad, all: Object.values(bad).reduce((sum, count) => sum + count, 0) }
}

/** A manager counts only when the directory has, or will have, an account for them. */
function countManagerChanges(people: readonly Person[]): Expected['managerChanges'] {
  const known = new Set(
    people.filter((one) => one.inDirectory || one.kind === 'joiner').map((one) => one.employeeId),
  )
  const changes = people.filter((one) => known.has(one.managerId) && one.managerId !== one.managerIdBefore)
  const ofKind = (kind: Kind) => changes.filter((one) => one.kind === kind).length
  const counts = { joiners: ofKind('joiner'), movers: ofKind('mover'), unchanged: ofKind('unchanged') }
  return { ...counts, all: counts.joiners + counts.movers + counts.unchanged }
}
