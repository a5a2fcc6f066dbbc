// Writes packages/client/config.schema.json, by which editors know a tomte.config.json, from the table that the check of a
// configuration reads. config-schema.test.ts holds the two equal.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIGURATION, type Rule, type Text } from '../packages/client/src/configuration/shape.ts'
import { root } from './files.ts'

export const SCHEMA_FILE = 'packages/client/config.schema.json'

/** The schema of a `tomte.config.json`, in the draft that editors know. */
export function configSchema(): object {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'tomte.config.json',
    ...schemaOf(CONFIGURATION),
  }
}

function schemaOf(rule: Rule): object {
  const description = rule.about
  switch (rule.kind) {
    case 'text':
      return { description, ...textSchema(rule) }
    case 'choice':
      return { description, enum: rule.choices }
    case 'flag':
      return { description, type: 'boolean' }
    case 'whole':
      return { description, type: 'integer', minimum: rule.min, maximum: rule.max }
    case 'list':
      return { description, type: 'array', items: schemaOf(rule.of), maxItems: rule.itemsMax }
    case 'named':
      return {
        description,
        type: 'object',
        propertyNames: textSchema(rule.name),
        additionalProperties: schemaOf(rule.of),
        maxProperties: rule.namesMax,
      }
    case 'section':
      return {
        description,
        type: 'object',
        properties: Object.fromEntries(Object.entries(rule.keys).map(([key, of]) => [key, schemaOf(of)])),
        required: rule.required,
        additionalProperties: false,
      }
    case 'oneOf':
      return { description, oneOf: Object.values(rule.by).map(schemaOf) }
  }
}

const textSchema = ({ pattern, lengthMax }: Text) => ({ type: 'string', pattern, maxLength: lengthMax })

if (process.argv[1] === import.meta.filename)
  writeFileSync(join(root, SCHEMA_FILE), `${JSON.stringify(configSchema(), null, 2)}\n`)
