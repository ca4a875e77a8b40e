"""scikit-learn's own parallel work under the display: 60 fits of a grid search, by joblib on two processes."""

from sklearn.datasets import load_iris
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV

import mainstage

if __name__ == "__main__":
    measured, species = load_iris(return_X_y=True)
    search = GridSearchCV(RidgeClassifier(), {"alpha": [10.0**n for n in range(-6, 6)]}, cv=5, n_jobs=2)
    with mainstage.joblib("grid search"):
        search.fit(measured, species)
    print(f"{len(search.cv_results_['params'])} candidates, best score {search.best_score_:.3f}")
