import type { ApiDefinition } from '../configuration/configuration.ts'
import type { Identity } from '../identity/identity.ts'
import { type Api, type ApiOptions, api } from './api.ts'
import { graph } from './graph.ts'

/** What the surroundings add to every API that a configuration defines. */
export type ApiSettings = Pick<ApiOptions, 'proxy' | 'ca'>

/**
 * The web API that a configuration defines, as this identity sees it.
 *
 * @throws ConfigurationError if the base URL or the scope cannot be used.
 */
export function definedApi(identity: Identity, definition: ApiDefinition, settings: ApiSettings = {}): Api {
  const { permissions } = definition
  if (!('graph' in definition)) return api(identity, { ...settings, ...definition })
  const current = graph(identity, { ...settings, permissions })
  if (definition.graph === 'v1.0') return current
  const baseUrl = new URL(`../${definition.graph}`, current.baseUrl).href
  return graph(identity, { ...settings, permissions, baseUrl })
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
  settings: ApiSettings = {},
): Readonly<Record<Name, Api>> {
  const made = Object.entries<ApiDefinition>(definitions).map(
    ([name, definition]) => [name, definedApi(identity, definition, settings)] as const,
  )
  return Object.fromEntries(made) as Record<Name, Api>
}
