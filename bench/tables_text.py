"""What tables.md says beside the figures that `tables.py` measures."""

from __future__ import annotations

FULL_SAYS = """The generators of augment are in bold. Values are means ± standard deviation over seeds. CTGAN and
TVAE are trained for 30 epochs on Adult and for 300 on the other datasets. One thread; CPU seconds, not wall time.

Fits are measured without imports, but for those of `vae`, `gan`, CTGAN, TVAE and GaussianCopula on Adult, breast
cancer and diabetes, which include about 3 CPU-seconds of them. ForestFlow has 10 noise levels and 10 copies of each
row in place of 50 and 100, on three small tables and with one seed: its fits take 18 to 70 CPU-seconds there, and
their time grows with rows, columns and labels. ARF draws whole numbers and numbers of few values as continuous ones,
which lowers its shapes and pairs. On Adult it did not finish within 5 CPU-minutes. CTGAN, TVAE and GaussianCopula
were not measured on the tables of the league, and `vae`, `gan` and `smote` on some of them. Since the
training steps of `rnn` are a third shorter, it was measured on Adult alone, on a busy machine that slows fits down."""
LOW_SAYS = """The first row contains the scores with real rows alone. The other rows show the change from adding
synthetic rows: the mean paired difference over seeds, its standard error, and the number of seeds in which the AUC
increased. A lower log loss is better. `5x` adds five rows per real one in the real class proportions; `balance` adds
rows of the rare class until both classes are equal. `anchored` predicted by networks when these figures were made;
those of its present version are in `anchored.md`."""
TRIED = """# Diffusion and flow matching: tried, not built

Throw-away generators of rows by class, each with one set of settings for all tables, on the bins that `rnn`, `vae` and
`trees` see. Gains and losses are against `trees` on the same rows: the mean over seeds and its standard error. Where a
number is named, so many rows are learnt from. None made an exact copy. Rows per CPU-second are those of single calls
for a few hundred rows, where `trees` too is far slower than in calls for many.

* **forest flow**: flow matching (Lipman et al. 2023) on normal scores of ranks and one-hot vectors, with a forest of
  ten extremely randomised trees for each class and each of ten noise levels, for all coordinates together: a hundredth
  of the cost of ForestFlow (Jolicoeur-Martineau et al. 2024), whose own figures are above.
* **flow**: the same with a network of three layers of 256, 20 steps of the midpoint rule.
* **latent flow**: that network in place of the mixture over the latents of `vae`, as TabSyn does with diffusion (Zhang
  et al. 2024).
* **masked**: masked diffusion over the bins (Austin et al. 2021), which is autoregression in any order, by a residual
  network of width 256.
* **masked trees**: the same by a decision tree for each class and column, from five copies of the rows with random
  columns masked, after "unmasking trees" (McCarter 2024); leaf sizes are chosen on rows held back.

| table | | seeds | fit, CPU-s | rows per CPU-s | AUC, synthetic only | AUC, real + 1x | shapes | pairs |
|---|---|---|---|---|---|---|---|---|
| Heart | trees | 8 | 0.08 | 22.6k | 0.877 | 0.885 | 0.957 | 0.910 |
| Heart | forest flow | 8 | 0.5 | 6.1k | +0.012 (0.017) | +0.014 (0.010) | +0.004 (0.003) | -0.016 (0.008) |
| Heart | flow | 3 | 2.8 | 4.0k | +0.012 (0.011) | +0.021 (0.017) | +0.008 (0.004) | -0.001 (0.013) |
| Heart | latent flow | 1 | 6.4 | 0.9k | -0.004 | -0.037 | +0.009 | +0.013 |
| Heart | masked | 3 | 1.9 | 4.7k | +0.014 (0.018) | +0.007 (0.024) | -0.026 (0.004) | -0.035 (0.003) |
| Heart | masked trees | 3 | 0.2 | 15.4k | +0.014 (0.024) | +0.028 (0.036) | -0.033 (0.007) | -0.028 (0.020) |
| Saheart | trees | 3 | 0.06 | 45.8k | 0.720 | 0.688 | 0.961 | 0.934 |
| Saheart | forest flow | 3 | 0.6 | 9.4k | -0.001 (0.017) | +0.022 (0.014) | -0.002 (0.003) | -0.042 (0.014) |
| Saheart | masked trees | 3 | 0.1 | 34.4k | -0.017 (0.026) | -0.017 (0.027) | -0.024 (0.006) | -0.063 (0.022) |
| Australian | trees | 3 | 0.09 | 52.2k | 0.915 | 0.926 | 0.975 | 0.964 |
| Australian | forest flow | 3 | 1.1 | 12.0k | -0.023 (0.012) | -0.003 (0.004) | -0.003 (0.002) | -0.038 (0.010) |
| Australian | masked trees | 3 | 0.3 | 40.6k | -0.013 (0.003) | -0.005 (0.004) | -0.017 (0.005) | -0.031 (0.020) |
| Phoneme, 500 | trees | 3 | 0.03 | 79.4k | 0.875 | 0.900 | 0.970 | 0.905 |
| Phoneme, 500 | forest flow | 3 | 0.5 | 13.4k | -0.003 (0.006) | +0.001 (0.002) | -0.014 (0.002) | -0.013 (0.014) |
| Phoneme, 500 | flow | 3 | 2.8 | 5.5k | -0.033 (0.014) | -0.008 (0.005) | -0.015 (0.004) | -0.006 (0.007) |
| Twonorm, 500 | trees | 3 | 0.2 | 51.2k | 0.986 | 0.990 | 0.960 | 0.902 |
| Twonorm, 500 | forest flow | 3 | 1.6 | 11.0k | +0.001 (0.001) | -0.001 (0.001) | +0.003 (0.003) | +0.003 (0.002) |
| Twonorm, 500 | flow | 3 | 3.6 | 5.3k | +0.000 (0.001) | -0.001 (0.000) | -0.000 (0.004) | -0.007 (0.006) |

Nothing beat `trees` by two standard errors on any of the four scores. After three seeds of heart, forest flow was ahead
by 0.048 (0.020) on synthetic rows alone; after eight, by the 0.012 (0.017) above. It costs 6 to 16 times as much to fit
as `trees`, and is behind in pairs on the three tables with labels. Masked trees are behind in shapes on each table. So
none became a component.

What this does not settle: `masked` and `latent flow` were measured on one table only, with three seeds and with a
single one, and none on Adult. There, an earlier network for any order, which is what `masked` is, took 93 CPU-seconds
for an AUC of 0.916, shapes of 0.988 and pairs of 0.974, behind `trees` and `rnn` in each. On large tables, forest flow
would be slow: each noise level and class has a forest, which learns from ten copies of the rows."""
