import type { Draft } from './person.ts'
import type { Random } from './random.ts'
import { dateBetween } from './staff.ts'

/** Takes people from a pool, so that no two oddities ever meet in one person. */
type Deal = (count: number, suits?: (draft: Draft) => boolean) => Draft[]

/** Gives a few ordinary people what real exports have, at most one oddity to each. */
export function placeOddities(random: Random, staff: readonly Draft[]): void {
  const managers = new Set(staff.map(({ manager }) => manager))
  const deal = (kind: Draft['kind']): Deal =>
    dealer(random.shuffle(staff.filter((draft) => draft.kind === kind && !managers.has(draft))))
  const unchanged = deal('unchanged')
  const joiners = deal('joiner')
  // The directory's wrong managers come first: they need people whose right manager it knows.
  moveToOtherManagers(
    random,
    unchanged(10, ({ managerBefore }) => managerBefore !== undefined),
    managers,
  )
  const leaver = deal('leaver')(1, ({ inDirectory }) => inDirectory)[0]
  for (const draft of unchanged(2)) Object.assign(draft, { manager: leaver, managerBefore: leaver })
  const unmanaged = { manager: undefined, managerBefore: undefined }
  for (const draft of [...unchanged(2), ...joiners(2)]) Object.assign(draft, unmanaged)
  for (const draft of joiners(1)) Object.assign(draft, { ...unmanaged, managerUnknown: true })
  for (const draft of [...unchanged(10), ...joiners(5)])
    draft.endDate = dateBetween(random, '2031-01-01', '2038-12-31')
  for (const draft of [...unchanged(1), ...joiners(1)]) draft.repeat = 'identical'
  for (const draft of [...unchanged(2), ...deal('mover')(1)]) draft.repeat = 'different'
  for (const draft of unchanged(1)) draft.jobTitle = 'Product Owner "Atlas"'
  for (const draft of unchanged(1)) draft.padded = 'jobTitle'
  for (const draft of joiners(1)) draft.padded = 'surname'
  for (const draft of joiners(1)) draft.officeLocation = 'Malmö\nHyllie, Gate 4'
  for (const draft of joiners(1, hasAccent('givenName'))) draft.givenName = draft.givenName.normalize('NFD')
  for (const draft of joiners(1, hasAccent('surname'))) draft.surname = draft.surname.normalize('NFD')
}

function dealer(pool: Draft[]): Deal {
  return (count, suits = () => true) => {
    const dealt = pool.filter(suits).slice(0, count)
    if (dealt.length < count)
      throw new RangeError(`Cannot find ${count} suitable people: found ${dealt.length}`)
    for (const draft of dealt) pool.splice(pool.indexOf(draft), 1)
    return dealt
  }
}

function moveToOtherManagers(
  random: Random,
  drafts: readonly Draft[],
  managers: Set<Draft | undefined>,
): void {
  const known = [...managers].filter((manager) => manager?.inDirectory)
  for (const draft of drafts)
    draft.managerBefore = random.pick(known.filter((manager) => manager !== draft.manager))
}

function hasAccent(field: 'givenName' | 'surname'): (draft: Draft) => boolean {
  return (draft) => draft[field] !== draft[field].normalize('NFD')
}
