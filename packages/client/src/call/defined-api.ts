import type { ApiDefinition } from '../configuration/configuration.ts'
import type { Identity } from '../identity/identity.ts'
import { type Api, api } from './api.ts'
import { graph } from './graph.ts'

/**
 * The web API that a configuration defines, as this identity sees it.
 *
 * @throws ConfigurationError if the base URL or the scope cannot be used.
 */
export function definedApi(identity: Identity, definition: ApiDefinition): Api {
  const { permissions } = definition
  if (!('graph' in definition)) return api(identity, definition)
  const current = graph(identity, { permissions })
  if (definition.graph === 'v1.0') return current
  return graph(identity, { permissions, baseUrl: new URL(`../${definition.graph}`, current.baseUrl).href })
}

/**
 * All web APIs that a configuration defines, by their names.
 *
 * @throws ConfigurationError as {@link definedApi}.
 * @example
 * ```ts
 * import { AppIdentity, definedApis, loadConfiguration } from '@tomte/client'
 * const { identity, apis } = await loadConfiguration({ environment: process.env, file: 'tomte.config.json' })
 * const { directory } = definedApis(new AppIdentity(identity), apis)
 * ```
 */
export function definedApis<Name extends string>(
  identity: Identity,
  definitions: Readonly<Record<Name, ApiDefinition>>,
): Readonly<Record<Name, Api>> {
  const made = Object.entries<ApiDefinition>(definitions).map(
    ([name, definition]) => [name, definedApi(identity, definition)] as const,
  )
  return Object.fromEntries(made) as Record<Name, Api>
}
