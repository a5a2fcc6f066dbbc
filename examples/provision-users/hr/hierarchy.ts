import { DEPARTMENTS, HEAD_OFFICE, type Department } from './departments.ts'
import type { Random } from './random.ts'

/** A seat in the manager tree; seats stand in breadth-first order, so managers come before their reports. */
export interface Seat {
  /** Index of the manager's seat, or `undefined` for the head of the company. */
  readonly manager: number | undefined
  readonly department: Department | undefined
  readonly unit: string
  /** Zero for the head of the company. */
  readonly level: number
  /** How many seats report to this one. */
  reports: number
}

const REPORTS_MIN = 5
const REPORTS_MAX = 11

/** Fills the tree level by level until `size` seats exist; the last seats have no reports. */
export function hierarchy(random: Random, size: number): Seat[] {
  const seats: Seat[] = [{ manager: undefined, department: undefined, unit: '', level: 0, reports: 0 }]
  for (let index = 0; seats.length < size; index++) {
    const above = seats[index]!
    above.reports = Math.min(span(random, above), size - seats.length)
    for (let report = 0; report < above.reports; report++) seats.push(below(random, above, index, report))
  }
  return seats
}

function span(random: Random, seat: Seat): number {
  if (seat.level === 0) return DEPARTMENTS.length
  if (seat.level === 1 && seat.department) return seat.department.size
  return REPORTS_MIN + random.int(REPORTS_MAX - REPORTS_MIN + 1)
}

function below(random: Random, above: Seat, manager: number, report: number): Seat {
  const department = above.department ?? DEPARTMENTS[report]!
  const unit = above.unit || (above.level === 0 ? '' : random.pick(department.units))
  return { manager, department, unit, level: above.level + 1, reports: 0 }
}

/** The title that goes with the seat; people without reports get one of their department's. */
export function seatTitle(random: Random, { department, unit, level, reports }: Seat): string {
  if (!department) return HEAD_OFFICE.jobTitle
  if (level === 1) return department.director
  if (reports === 0) return random.pick(department.titles)
  return level === 2 ? `Head of ${unit}` : `Team Lead ${unit}`
}
