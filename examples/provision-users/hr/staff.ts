import { DEPARTMENTS, HEAD_OFFICE } from './departments.ts'
import { hierarchy, type Seat, seatTitle } from './hierarchy.ts'
import { ORIGINS, type Origin } from './names.ts'
import type { Draft, Fault, Kind, Profile } from './person.ts'
import type { Random } from './random.ts'

const ACTIVE = 958
const JOINERS = 290
const MOVERS = 80
const LEAVERS = 30
const LEAVERS_NOT_IN_DIRECTORY = 5

/** Managers who join with this export: some reports have an account before they do. */
const JOINING_MANAGERS = 6

const FAULTS: readonly Fault[] = [
  'no surname',
  'no surname',
  'no surname',
  'cut after 3 fields',
  'cut after 4 fields',
  'bad start date',
  'no employee id',
]

/** Drafts everyone who has a row of their own: the tree of active people, the leavers, the broken. */
export function staff(random: Random): Draft[] {
  const active = activeStaff(random)
  const chiefs = active.filter(({ seat, draft }) => seat.reports > 0 && draft.kind !== 'joiner')
  const joinDepartmentOf = (kind: Kind) => {
    const { seat, draft: manager } = random.pick(chiefs)
    const draft = draftPerson(random, kind, { ...seat, reports: 0, level: seat.level + 1 })
    return Object.assign(draft, { manager, managerBefore: draft.inDirectory ? manager : undefined })
  }
  const leavers = Array.from({ length: LEAVERS }, () => joinDepartmentOf('leaver'))
  for (const leaver of leavers.slice(0, LEAVERS_NOT_IN_DIRECTORY)) {
    Object.assign(leaver, { inDirectory: false, managerBefore: undefined })
  }
  const broken = FAULTS.map((fault) => Object.assign(joinDepartmentOf('broken'), { fault }))
  return [...active.map(({ draft }) => draft), ...leavers, ...broken]
}

function activeStaff(random: Random): { seat: Seat; draft: Draft }[] {
  const seats = hierarchy(random, ACTIVE)
  const kinds = seatKinds(random, seats)
  const active = seats.map((seat) => ({
    seat,
    draft: draftPerson(random, kinds.get(seat) ?? 'unchanged', seat),
  }))
  for (const { seat, draft } of active) {
    draft.manager = seat.manager === undefined ? undefined : active[seat.manager]!.draft
    draft.managerBefore = draft.inDirectory && draft.manager?.inDirectory ? draft.manager : undefined
    if (draft.kind === 'mover') draft.before = formerProfile(random, draft)
  }
  return active
}

/** Only managers of the lowest rank join, so no chain to the head passes through two new accounts. */
function seatKinds(random: Random, seats: readonly Seat[]): Map<Seat, Kind> {
  const withManagersBelow = new Set(seats.filter(({ reports }) => reports > 0).map(({ manager }) => manager))
  const lowManagers = seats.filter(({ reports }, index) => reports > 0 && !withManagersBelow.has(index))
  const joiningManagers = random.shuffle(lowManagers).slice(0, JOINING_MANAGERS)
  const leaves = random.shuffle(seats.filter(({ reports }) => reports === 0))
  const joiners = [...joiningManagers, ...leaves.slice(0, JOINERS - JOINING_MANAGERS)]
  const kinds = new Map<Seat, Kind>(joiners.map((seat) => [seat, 'joiner']))
  const others = seats.filter((seat) => seat.level > 0 && !kinds.has(seat))
  for (const seat of random.shuffle(others).slice(0, MOVERS)) kinds.set(seat, 'mover')
  return kinds
}

function draftPerson(random: Random, kind: Kind, seat: Seat): Draft {
  const origin = pickOrigin(random)
  // One in eight carries a surname from elsewhere, as people in such a company do.
  const { surnames } = random.chance(0.125) ? pickOrigin(random) : origin
  return {
    kind,
    inDirectory: kind !== 'joiner' && kind !== 'broken',
    employeeId: '',
    username: '',
    givenName: random.pick(origin.givenNames),
    surname: random.pick(surnames),
    jobTitle: seatTitle(random, seat),
    department: seat.department?.name ?? HEAD_OFFICE.department,
    officeLocation: random.pick(random.chance(0.8) ? origin.offices : random.pick(ORIGINS).offices),
    ...employment(random, kind),
    before: {},
    fault: undefined,
    repeat: undefined,
    padded: undefined,
    surnames,
    titles: seat.department?.titles ?? [],
    manager: undefined,
    managerBefore: undefined,
    managerUnknown: false,
  }
}

function pickOrigin(random: Random): Origin {
  let ticket = random.int(ORIGINS.reduce((sum, { weight }) => sum + weight, 0))
  return ORIGINS.find(({ weight }) => (ticket -= weight) < 0)!
}

function employment(random: Random, kind: Kind): { startDate: string; endDate: string } {
  if (kind === 'joiner') return { startDate: dateBetween(random, '2026-01-05', '2026-06-30'), endDate: '' }
  if (kind !== 'leaver') return { startDate: dateBetween(random, '2003-02-01', '2025-12-31'), endDate: '' }
  const endDate = dateBetween(random, '2023-01-01', '2026-06-30')
  return { startDate: dateBetween(random, '2003-02-01', '2022-12-31'), endDate }
}

/** A day from `first` to `last`, both included. */
export function dateBetween(random: Random, first: string, last: string): string {
  const dayMs = 86_400_000
  const days = (Date.parse(last) - Date.parse(first)) / dayMs
  return new Date(Date.parse(first) + random.int(days + 1) * dayMs).toISOString().slice(0, 10)
}

/** One to three fields as they were; about one mover in five has married. */
function formerProfile(random: Random, now: Draft): Partial<Profile> {
  const fields: (keyof Profile)[] = random.shuffle(['jobTitle', 'department', 'officeLocation'])
  const changed = fields.slice(0, 1 + random.int(3))
  if (random.chance(0.2)) changed[0] = 'surname'
  const choices: Record<keyof Profile, readonly string[]> = {
    surname: now.surnames,
    jobTitle: now.titles,
    department: DEPARTMENTS.map(({ name }) => name),
    officeLocation: ORIGINS.flatMap(({ offices }) => offices),
  }
  const former = (field: keyof Profile) => random.pick(choices[field].filter((value) => value !== now[field]))
  return Object.fromEntries(changed.map((field) => [field, former(field)]))
}
