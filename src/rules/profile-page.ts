/** The documentation page of a subnet, made of its profile (`npm run generate`, docs/subnets/). */
import { describeProfile } from './profile-summary.ts';
import type { Profile } from './types.ts';
import { type GivenField, givenFields } from './write-commitment.ts';

export function profilePage(name: string, profile: Profile): string {
  const { title, netuid, paysFor, sealed, reveal, text, maxBytes, pin, scoring, source, judged, notJudged } =
    describeProfile(name, profile);
  const own = givenFields(profile);
  const sentence = (what: string) => `${what[0]?.toUpperCase()}${what.slice(1)}.`;
  const list = (items: readonly string[], none: string) =>
    items.length === 0 ? none : items.map((item) => `- ${sentence(item)}`).join('\n');
  const typed = (field: GivenField) =>
    field.flag === '--competition' ? '--competition NAME' : `--field ${field.name}=VALUE`;
  const needed = own.filter((field) => field.needed).map((field) => ` ${typed(field)}`);
  const optional = own.filter((field) => !field.needed).map((field) => `\`${typed(field)}\``);
  const { store, forms } = profile.pin;
  const digest =
    store === 'file' ? 'SHA256' : forms.find((form) => form.startsWith('sha256:')) && 'sha256:DIGEST';
  const how = `${sealed ? ' --wait-reveal' : ''}${needed.join('')}`;
  const named =
    own.some((field) => field.name === 'file') && store === 'file' ? ' --field file=NAME.onnx' : '';
  const upload = [
    ...(store === 'none'
      ? []
      : [`pt upload --profile ${name} --load-model-dir DIR --hf-repo-id YOU/NAME${how}`]),
    ...(digest
      ? [
          `pt upload --profile ${name} --commit-only YOU/NAME@${digest}${how}${named}   # what is elsewhere, not looked at`,
        ]
      : []),
  ];
  const king = profile.config !== null && profile.config.against !== 'allowlist';
  return `# ${title}

<!-- Made from constants/profiles/${name}.json by \`npm run generate\`. -->

Subnet ${netuid}, profile \`${name}\`. It pays for ${paysFor ?? 'what its validators decide'}.${
    source
      ? ` Read from [${source.repo}](https://github.com/${source.repo}) at ${source.commit.slice(0, 12)}, ${source.date}: look there before real money.`
      : ''
  }

| | |
| --- | --- |
| commitment | ${sealed ? `sealed, opened ${reveal}` : 'plain'}, at most ${maxBytes} bytes |
| text | \`${text.replaceAll('|', '\\|')}\` |
| pins | ${pin} |
| decides | ${scoring} |

## What \`pt\` does there

${list(judged, 'Nothing yet.')}

\`\`\`text
pt status --profile ${name}
pt check DIR --profile ${name}${king ? ' --against KING' : ''}
${upload.join('\n')}
\`\`\`
${optional.length === 0 ? '' : `\nThe text may also name: ${optional.join(', ')}.\n`}
## What it cannot judge

${list(notJudged, 'Nothing is known that decides and is not looked at.')}
`;
}
