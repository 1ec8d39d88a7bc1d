"""From evidence to scores; one model = one file, with `fit`, `scores` and `check`.

fit(examples, settings) -> arrays       what was learnt, by name
scores(arrays, evidence, owner)         log-odds of candidates and of none
check(arrays, names)                    says what is wrong with arrays that somebody handed over, or ""
"""
