import { badRequest } from '../graph/errors.ts'
import { GROUP } from './group-properties.ts'
import { type ObjectType, selectedNames } from './object-type.ts'
import { USER } from './properties.ts'

/** The names of a `$select` over objects of several types: each must be a property of one of them at least. */
export function selectedOfAny(select: string | undefined): (type: ObjectType) => readonly string[] {
  if (select === undefined || select === '*') return (type) => selectedNames(type, select)
  const names = [...new Set(select.split(',').map((name) => name.trim()))]
  for (const name of names)
    if (![USER, GROUP].some(({ properties }) => Object.hasOwn(properties, name)))
      throw badRequest(
        `Could not find a property named '${name.slice(0, 100)}' on type 'microsoft.graph.directoryObject'.`,
      )
  return ({ properties }) => names.filter((name) => Object.hasOwn(properties, name))
}
