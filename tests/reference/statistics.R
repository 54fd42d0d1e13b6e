# Reference values for tests/itax_metrics/stats, from base R alone:   Rscript tests/reference/statistics.R
# Written with R 4.2.2. Tango's interval is found here by maximising the restricted likelihood numerically, which is
# another way than the closed form that the package uses; the others are R's own tests.
options(digits = 15)
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))

likeliest <- function(b, c, n, d) {           # the nuisance share q = P(only instruct), given p(only base) = q + d
  loglik <- function(q) {
    shares <- c(q + d, q, 1 - 2 * q - d)
    counts <- c(b, c, n - b - c)
    sum(ifelse(counts == 0, 0, counts * log(pmax(shares, 1e-300))))
  }
  low <- max(0, -d); high <- (1 - d) / 2
  best <- optimize(loglik, c(low, high), maximum = TRUE, tol = 1e-13)
  ends <- c(low, high)
  candidates <- c(best$maximum, ends)
  candidates[which.max(sapply(candidates, loglik))]
}
tango <- function(gained, lost, n) {
  z <- qnorm(0.975); b <- lost; c <- gained; d0 <- (b - c) / n
  score <- function(d) {
    q <- likeliest(b, c, n, d)
    (b - c - n * d) / sqrt(max(n * (2 * q + d * (1 - d)), 1e-300))
  }
  low <- if (c == n) -1 else uniroot(function(d) score(d) - z, c(-1 + 1e-9, d0 - 1e-9), tol = 1e-12)$root
  high <- if (b == n) 1 else uniroot(function(d) score(d) + z, c(d0 + 1e-9, 1 - 1e-9), tol = 1e-12)$root
  c(low, high)
}
newcombe <- function(both, gained, lost, neither) {
  n <- both + gained + lost + neither
  w1 <- suppressWarnings(prop.test(both + lost, n, correct = FALSE))$conf.int
  w2 <- suppressWarnings(prop.test(both + gained, n, correct = FALSE))$conf.int
  p1 <- (both + lost) / n; p2 <- (both + gained) / n
  margins <- prod(both + lost, gained + neither, both + gained, lost + neither)
  cross <- both * neither - lost * gained
  if (cross > 0) cross <- max(cross - n / 2, 0)
  phi <- if (margins == 0) 0 else cross / sqrt(margins)
  reach <- function(x, y) sqrt(x^2 - 2 * phi * x * y + y^2)
  d <- p1 - p2
  c(d - reach(p1 - w1[1], w2[2] - p2), d + reach(w1[2] - p1, p2 - w2[1]))
}
tables <- list(c(1, 7, 1, 12), c(20, 12, 2, 80), c(212, 144, 54, 853), c(40, 3, 9, 112), c(10, 0, 5, 5),
               c(639, 39, 106, 249), c(0, 4, 4, 0), c(3, 1, 1, 159))
rows <- do.call(rbind, lapply(tables, function(t) {
  n <- sum(t); gained <- t[2]; lost <- t[3]
  exact <- binom.test(lost, gained + lost)
  mc <- suppressWarnings(mcnemar.test(matrix(c(t[1], gained, lost, t[4]), 2), correct = TRUE))
  ci <- exact$conf.int
  c(t, tango(gained, lost, n), newcombe(t[1], gained, lost, t[4]), ci[1] / (1 - ci[1]), ci[2] / (1 - ci[2]),
    exact$p.value, mc$statistic, mc$p.value)
}))
colnames(rows) <- c("both", "gained", "lost", "neither", "tango_low", "tango_high", "newcombe_low", "newcombe_high",
                    "odds_low", "odds_high", "p_exact", "chi2_cc", "p_cc")
write.csv(format(as.data.frame(rows), digits = 12), file.path(here, "paired.csv"), row.names = FALSE, quote = FALSE)

p <- c(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1)
write.csv(format(data.frame(p = p, holm = p.adjust(p, "holm"), bh = p.adjust(p, "BH")), digits = 12),
          file.path(here, "adjusted.csv"), row.names = FALSE, quote = FALSE)
