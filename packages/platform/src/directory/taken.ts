import { badRequest } from '../graph/errors.ts'

/** 400: another object has a value that must be unique. */
export const taken = (property: string) =>
  badRequest(`Another object with the same value for property ${property} already exists.`)

/** Runs a write whose value of a property must be unique. @throws GraphError 400 if it is taken. */
export async function refusingTaken<T>(property: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!(error instanceof Error && /unique/i.test(error.message))) throw error
    throw taken(property)
  }
}
