import {
  classOf,
  countActive,
  countShapes,
  expectedShapes,
  inspectFolder,
  type ModelFacts,
} from '../model/index.ts';
import type { Profile } from '../rules/types.ts';
import { readRunConfig } from './run-folder.ts';
import type { ModelSource } from './types.ts';

/** What the model of a prepared run will be as published, told before it is trained; null when that cannot be told. */
export async function plannedFacts(
  runDir: string,
  profile: Profile,
  dtype: 'bf16' | 'fp32',
): Promise<ModelFacts | null> {
  const {
    source,
    recipe,
    recipe_file: file,
  } = (await readRunConfig(runDir)) as unknown as {
    source: ModelSource;
    recipe: { architecture?: Record<string, unknown> };
    recipe_file: string | null;
  };
  const width = dtype === 'bf16' ? 2 : 4;
  if (source.kind === 'model_dir') {
    const facts = await inspectFolder(source.path, profile);
    const bytes = facts.parameters === null ? facts.bytes : facts.parameters * width;
    return { ...facts, bytes, problems: [] };
  }
  const config = recipe.architecture;
  const architecture = classOf(config?.model_type);
  if (source.kind !== 'recipe' || file?.endsWith('.py') || !config || architecture === null) return null;
  const shapes = expectedShapes(architecture, config);
  if (shapes === null) return null;
  const parameters = countShapes(shapes);
  return {
    architecture,
    parameters,
    activeParameters: countActive(
      parameters,
      [...shapes].map(([name, shape]) => ({ name, shape })),
      config,
    ),
    bytes: parameters * width,
    dtypes: [dtype === 'bf16' ? 'BF16' : 'F32'],
    config: { ...config, architectures: [architecture] },
    generation: null,
    files: [],
    hashedFiles: [],
    problems: [],
  };
}
